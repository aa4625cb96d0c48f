import { type Client, InjectClient, type OnRun, RpcError, RpcModule } from 'anthill';
import { UserService } from './user.service.js';

/** A caller: registers two users, lets one give to the other, and shows what comes of it. */
@RpcModule({ type: 'walkthrough' })
export class Walkthrough implements OnRun {
  constructor(@InjectClient(UserService) private readonly users: Client<UserService>) {}

  async run(): Promise<void> {
    const ann = await this.known('ann');
    const bob = await this.known('bob');
    await this.users.give(ann.id, bob.id, 30);
    for (let i = 0; i < 2; i++) {
      const { name, credits, from } = await this.users.get(bob.id);
      console.log(`${name} has ${credits} credits (from the ${from})`);
    }
    await this.users.give(bob.id, ann.id, 30);
    await this.users.give(ann.id, bob.id, 1_000_000).catch((error: unknown) => console.log(RpcError.is(error) ? `${error.code} ${error.reason}: ${error.message}` : error));
    const { name, credits } = await this.users.get(ann.id);
    console.log(`${name} has ${credits} credits: nothing of it remains`);
  }

  private async known(name: string): Promise<{ id: number }> {
    try {
      const user = await this.users.register(name);
      console.log(`registered ${user.name}, id ${user.id}, ${user.credits} credits`);
      return user;
    } catch (error) {
      if (!RpcError.is(error) || error.reason !== 'NAME_TAKEN') throw error;
      console.log(error.message);
      return this.users.find(name);
    }
  }
}
