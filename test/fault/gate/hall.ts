import { Handler, RpcModule, Session } from '../../../lib/index.js';
import { Gates, InjectGates } from '../../../lib/gateway/gate/index.js';

/** What stands behind the gates. */
export class Hall {
  constructor(@InjectGates() readonly gates: Gates) {}

  /** Who answers, and which gate asked. */
  @Handler('HD_where', { concurrent: true })
  where(@Session() session: Session, _body: object): { node: string | undefined; gate: string } {
    return { node: process.env['HALL_NODE'], gate: session.serverId };
  }

  /** The same after a while; tells the client when it begins. */
  @Handler('HD_slow', { concurrent: true })
  async slow(@Session() session: Session, body: { ms: number }): Promise<unknown> {
    await session.send('begun', {});
    await new Promise((resolve) => setTimeout(resolve, body.ms));
    return this.where(session, {});
  }

  /** Each function of a session. */
  @Handler('HD_session', { concurrent: true })
  async session(@Session() session: Session, body: { user: string }): Promise<unknown> {
    await session.bind(body.user);
    await session.set('level', '3');
    await session.setBatch({ colour: 'red', size: 'L' });
    await session.remove('size');
    await session.send('told', { by: process.env['HALL_NODE'] });
    await session.sendNR('told', { by: 'nobody' });
    const bound = { user: session.userId, settings: { ...session.settings }, here: await session.isConnected(body.user) };
    await session.unbind();
    await session.update();
    return { ...bound, after: session.userId, stillHere: await session.isConnected(body.user) };
  }

  @Handler('HD_leave', { concurrent: true })
  async leave(@Session() session: Session, _body: object): Promise<void> {
    await session.close();
  }

  @Handler('HD_join', { concurrent: true })
  async join(@Session() session: Session, body: { group: string }): Promise<string> {
    await this.gates.join(body.group, session.sessionId);
    return session.sessionId;
  }

  /** Methods of Gates, for tests. */
  @Handler('/gates', { concurrent: true })
  async ask(method: 'pushToUser' | 'pushToGroup' | 'broadcast' | 'publish' | 'kick' | 'isOnline', args: readonly unknown[]): Promise<unknown> {
    return (this.gates[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args);
  }
}

/** The module, under a node id. */
export function hallModule(id: string | undefined): typeof Hall {
  process.env['HALL_NODE'] = `hall@${id}`;
  RpcModule({ type: 'hall', version: '1.0.0', ...(id && { id }) })(Hall);
  return Hall;
}
