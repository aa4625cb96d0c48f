import { RpcFactory } from '../../../lib/bootstrap/rpc.factory.js';
import { HttpGateway } from '../../../lib/gateway/http/http-gateway.js';
import { HttpGatewayModule } from '../../../lib/gateway/http/http-gateway.module.js';
import type { Peer } from '../peer.js';
import { httpCaller } from './http-client.js';
import { HttpEcho } from './http-service.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';

@RpcModule({ type: 'web', imports: [HttpGatewayModule.forRoot()] })
class Web {}

/** The gateway's default route. */
export const peer: Peer = {
  async callee() {
    const app = await RpcFactory.create({ modules: [HttpEcho, Web], http: { host: '127.0.0.1', port: 0 }, logger: false, flags: false, env: {} });
    await app.start();
    return { handOver: app.get<HttpGateway>(HttpGateway).port, close: () => app.stop() };
  },
  caller: async (_site, text, port) => httpCaller(port as number, text),
};
