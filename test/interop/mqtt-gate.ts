import { Gates, GateModule, GatePart, InjectGates, RefusedClient } from '../../lib/gateway/gate/index.js';
import { Handler, RpcModule, Session } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';

@RpcModule({ type: 'chat' })
class Chat {
  constructor(@InjectGates() private readonly gates: Gates) {}

  @Handler('HD_hello', { concurrent: true })
  hello(@Session() session: Session, body: { name: string }) {
    return `hello ${body.name} of ${session.userId}`;
  }

  @Handler('HD_push', { concurrent: true })
  async push(@Session() session: Session, body: { topic: string }) {
    await this.gates.pushToUser(session.userId, body.topic, { n: 1 }, { qos: 1 });
  }
}

/** A gate for clients of others, and a service behind it. */
export interface OpenGate {
  readonly ports: { readonly tcp: number; readonly websocket: number };
  stop(): Promise<void>;
}

/** Everybody comes in with the password `right`, except `banned`, and `broken`, for whom the app fails. Nobody may use `private/...`. */
export async function openGate(): Promise<OpenGate> {
  const isFree = (topic: string) => !topic.startsWith('private/');
  const local = { host: '127.0.0.1', port: 0 };
  @RpcModule({
    type: 'Gate',
    imports: [
      GateModule.forRoot({
        tcp: local,
        websocket: local,
        auth({ username = '', password }) {
          if (username === 'banned') throw new RefusedClient('forbidden', 'banned');
          if (username === 'broken') throw new Error('the database is away');
          return password !== undefined && Buffer.from(password).toString() === 'right' ? { userId: username } : undefined;
        },
        hooks: { mayPublish: (_session, topic) => isFree(topic), maySubscribe: (_session, filter) => isFree(filter) },
      }),
    ],
  })
  class Gate {}
  const app = await createTestingApp({ modules: [Gate, Chat] });
  return { ports: app.get(GatePart).ports as OpenGate['ports'], stop: () => app.stop() };
}
