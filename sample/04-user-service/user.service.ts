import { type ConfigOf, ConfigValue, Handler, InjectConfig, OnConfigChange, Payload, RpcModule } from 'anthill';
import { DatabaseModule } from 'anthill/database';
import { z } from 'zod';
import { migrations } from './migrations/index.js';
import { UserCache } from './user.cache.js';
import { UsersConfig } from './user.config.js';
import { UserRepository } from './user.repository.js';

/** No control characters: they serve nobody, and PostgreSQL takes no zero byte. */
const Name = z.string().trim().min(1).max(40).regex(/^\P{Cc}*$/u);
const Id = z.number().int().positive();
const Credits = z.number().int().positive().max(1_000_000);

@RpcModule({ type: 'user', version: '1.0.0', providers: [UserRepository, UserCache], imports: [DatabaseModule.forFeature({ migrations })] })
export class UserService {
  constructor(
    private readonly users: UserRepository,
    private readonly cache: UserCache,
    @InjectConfig('users', UsersConfig) private readonly config: ConfigValue<ConfigOf<typeof UsersConfig>>,
  ) {}

  @Handler('/user/register', { concurrent: true })
  register(@Payload({ schema: Name }) name: string) {
    return this.users.add(name, this.config.value.welcomeCredits);
  }

  @Handler('/user/get', { concurrent: true })
  get(@Payload({ schema: Id }) id: number) {
    return this.cache.get(id, () => this.users.byId(id));
  }

  @Handler('/user/find', { concurrent: true })
  find(@Payload({ schema: Name }) name: string) {
    return this.users.byName(name);
  }

  @Handler('/user/rename', { concurrent: true })
  async rename(@Payload({ schema: Id }) id: number, @Payload({ schema: Name }) name: string) {
    await this.users.rename(id, name);
    await this.cache.forget(id);
  }

  @Handler('/user/give', { concurrent: true })
  async give(@Payload({ schema: Id }) from: number, @Payload({ schema: Id }) to: number, @Payload({ schema: Credits }) credits: number) {
    await this.users.give(from, to, credits);
    await this.cache.forget(from, to);
  }

  @OnConfigChange('users', UsersConfig)
  changed({ welcomeCredits, cacheSeconds }: ConfigOf<typeof UsersConfig>) {
    console.log(`from now on: ${welcomeCredits} welcome credits, users cached for ${cacheSeconds} s`);
  }
}
