import { Injectable } from '@nestjs/common';
import { InjectRepository, RpcError, Transactional } from 'anthill';
import { isUniqueViolation } from 'anthill/database';
import type { Repository } from 'typeorm';
import { User } from './user.entity.js';

/** What is in the database. Values go in as parameters, never into the text of a statement. */
@Injectable()
export class UserRepository {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async add(name: string, credits: number): Promise<User> {
    try {
      return await this.users.save(this.users.create({ name, credits }));
    } catch (error) {
      if (isUniqueViolation(error)) throw new RpcError({ code: 'ALREADY_EXISTS', reason: 'NAME_TAKEN', message: `there is a user ${name} already`, cause: error });
      throw error;
    }
  }

  async byId(id: number): Promise<User> {
    return (await this.users.findOneBy({ id })) ?? notFound(`no user has the id ${id}`);
  }

  async byName(name: string): Promise<User> {
    return (await this.users.findOneBy({ name })) ?? notFound(`there is no user ${name}`);
  }

  async rename(id: number, name: string): Promise<void> {
    try {
      const { affected } = await this.users.update({ id }, { name });
      if (affected === 0) await this.byId(id);
    } catch (error) {
      if (isUniqueViolation(error)) throw new RpcError({ code: 'ALREADY_EXISTS', reason: 'NAME_TAKEN', message: `there is a user ${name} already`, cause: error });
      throw error;
    }
  }

  /** Both rows change or none does. Doing it again after the database broke it off is right: nothing of the first try remains. */
  @Transactional({ idempotent: true })
  async give(from: number, to: number, credits: number): Promise<void> {
    const steps = [() => this.take(from, credits), () => this.put(to, credits)];
    // Rows in the order of their ids: gifts that cross each other wait, instead of breaking each other off.
    for (const step of from < to ? steps : steps.reverse()) await step();
  }

  private async take(id: number, credits: number): Promise<void> {
    const { affected } = await this.users.createQueryBuilder().update().set({ credits: () => 'credits - :credits' }).where('id = :id AND credits >= :credits', { id, credits }).execute();
    if (affected === 1) return;
    const user = await this.byId(id);
    throw new RpcError({ code: 'FAILED_PRECONDITION', reason: 'TOO_FEW_CREDITS', message: `user ${id} has ${user.credits} credits, not ${credits}` });
  }

  private async put(id: number, credits: number): Promise<void> {
    const { affected } = await this.users.increment({ id }, 'credits', credits);
    if (affected !== 1) notFound(`no user has the id ${id}`);
  }
}

function notFound(message: string): never {
  throw new RpcError({ code: 'NOT_FOUND', reason: 'USER_NOT_FOUND', message });
}
