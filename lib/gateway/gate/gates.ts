import type { MessageBody } from '../../common/session.js';
import { int } from '../../common/value-types.js';
import { bodyBytes } from '../../rpc/gate-session.js';
import type { Rpc } from '../../rpc/rpc.client.js';

/** Options of a push. @public */
export interface PushOptions {
  /**
   * 0: to clients that are connected now. 1: kept until the client has acknowledged it, also while the client is away and its session is kept, and when the gate dies; it may come
   * twice, with the same id. @default 0
   */
  qos?: 0 | 1;
}

/**
 * The gates as services see them, whichever holds the client: inject it with `@InjectGates()`. Each method asks one gate, which knows the others through their store.
 * @public
 */
export class Gates {
  /** @internal */
  constructor(
    private readonly rpc: Rpc,
    /** Service name of the gates. */
    readonly type: string,
  ) {}

  /**
   * To all clients of a user. @returns how many sessions have it, or will have it
   * @throws RpcError QUEUE_FULL when too many pushes wait for one of them already
   */
  async pushToUser(userId: string, topic: string, body: MessageBody, { qos = 0 }: PushOptions = {}): Promise<number> {
    return Number(await this.ask('PushToUser', userId, topic, bodyBytes(body), int(qos)));
  }

  /** To all members of a group. @returns as {@link pushToUser} */
  async pushToGroup(group: string, topic: string, body: MessageBody, { qos = 0 }: PushOptions = {}): Promise<number> {
    return Number(await this.ask('PushToGroup', group, topic, bodyBytes(body), int(qos)));
  }

  /** To all clients of all gates. @returns how many have it */
  async broadcast(topic: string, body: MessageBody): Promise<number> {
    return Number(await this.ask('BroadCastAll', topic, bodyBytes(body)));
  }

  /** Puts a session into a group, until it leaves or ends. @throws RpcError SESSION_NOT_FOUND */
  async join(group: string, sessionId: string): Promise<void> {
    await this.ask('Join', sessionId, group);
  }

  async leave(group: string, sessionId: string): Promise<void> {
    await this.ask('Leave', sessionId, group);
  }

  /** Publishes to all clients that subscribed to the topic, at all gates. */
  async publish(topic: string, body: MessageBody, { qos = 0, retain = false }: PushOptions & { retain?: boolean } = {}): Promise<void> {
    await this.ask('PublishAll', topic, bodyBytes(body), int(qos), retain);
  }

  /** Ends all connections of a user. @returns how many there were */
  async kick(userId: string): Promise<number> {
    return Number(await this.ask('Kick', userId));
  }

  async isOnline(userId: string): Promise<boolean> {
    return (await this.ask('IsOnline', userId)) === true;
  }

  private ask(fn: string, ...args: unknown[]): Promise<unknown> {
    return this.rpc.call(this.type, fn, [null, ...args]);
  }
}
