import { RpcFactory } from '../../../lib/bootstrap/rpc.factory.js';
import { GrpcHandler, GrpcService } from '../../../lib/grpc/grpc.decorators.js';
import { GrpcServer } from '../../../lib/grpc/grpc.server.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import type { Callee, Peer } from '../peer.js';
import { bareCaller, ECHO_PROTO, ECHO_SERVICE } from './grpc-echo.js';

@GrpcService(ECHO_SERVICE, { proto: ECHO_PROTO })
@RpcModule({ type: 'echo' })
class Echo {
  @GrpcHandler()
  echo(request: { text: string }): { text: string } {
    return request;
  }
}

export async function anthillCallee(): Promise<Callee> {
  const app = await RpcFactory.create({ modules: [Echo], flags: false, env: {}, configFile: false, logger: false, grpc: { host: '127.0.0.1', port: 0 } });
  await app.start();
  return { handOver: app.get(GrpcServer).port, close: () => app.stop() };
}

/** A server of Anthill, called by the library alone. */
export const peer: Peer = { callee: anthillCallee, caller: (_site, text, port) => bareCaller(text, port) };
