import type { Type } from '@nestjs/common';
import { GateModule, GatePart, type GateOptions, type Gates, InjectGates } from '../../../lib/gateway/gate/index.js';
import { type AppOptions, Handler, type RpcApplication, RpcFactory, RpcModule, Session } from '../../../lib/index.js';
import type { Callee } from '../peer.js';

/** What a benchmark from one address needs; all else as it comes. */
const LIMITS: GateOptions['limits'] = { connectionsPerAddress: 100_000, connectsPerSecond: 100_000, messagesPerSecond: 1_000_000_000, inFlight: 1000 };
/** Silent, and deaf to the flags and variables of whoever runs the benchmark. */
const QUIET = { logger: false, flags: false, env: {} } as const satisfies AppOptions;
const GROUP = 'everybody';

@RpcModule({ type: 'echo' })
export class GateEcho {
  @Handler('HD_echo', { concurrent: true })
  echo(@Session() _session: Session, body: { text: string }): string {
    return body.text;
  }
}

/** Sets off a push to all, as a service would. */
@RpcModule({ type: 'push' })
export class GatePush {
  constructor(@InjectGates() private readonly gates: Gates) {}

  join(session: Session): Promise<void> {
    return this.gates.join(GROUP, session.sessionId);
  }

  @Handler('HD_group', { concurrent: true })
  async group(@Session() _session: Session, body: Uint8Array): Promise<void> {
    await this.gates.pushToGroup(GROUP, 'bench/all', body);
  }
}

/** An app with a gate. @param onConnected when a client is in */
export async function gateCallee(modules: Type[], options: AppOptions = {}, onConnected?: (app: RpcApplication, session: Session) => Promise<void>): Promise<Callee> {
  @RpcModule({
    type: 'Gate',
    imports: [GateModule.forRoot({ tcp: { host: '127.0.0.1', port: 0 }, websocket: { host: '127.0.0.1', port: 0 }, limits: LIMITS, ...(onConnected && { hooks: { connected: (session) => onConnected(app, session) } }) })],
  })
  class Gate {}

  const app: RpcApplication = await RpcFactory.create({ ...QUIET, ...options, modules: [Gate, ...modules] });
  await app.start();
  return { handOver: app.get(GatePart).ports, close: () => app.stop() };
}

/** An app without a gate. */
export async function backendCallee(modules: Type[], options: AppOptions): Promise<Callee> {
  const app = await RpcFactory.create({ ...QUIET, ...options, modules });
  await app.start();
  return { close: () => app.stop() };
}
