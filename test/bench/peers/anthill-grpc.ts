import { createGrpcClient } from '../../../lib/grpc/client/create-grpc-client.js';
import type { Peer } from '../peer.js';
import { anthillCallee } from './anthill-grpc-server.js';
import { ECHO_PROTO, ECHO_SERVICE } from './grpc-echo.js';

/** Server and client of Anthill, default deadline. */
export const peer: Peer = {
  callee: anthillCallee,
  async caller(_site, text, port) {
    const { client, close } = await createGrpcClient<{ echo(request: { text: string }): Promise<{ text: string }> }>(ECHO_SERVICE, { proto: ECHO_PROTO, target: `127.0.0.1:${String(port)}` });
    const echo = client as unknown as { echo(request: { text: string }): Promise<unknown> };
    return { call: () => echo.echo({ text }), read: (reply) => (reply as { text: string }).text, close: async () => close() };
  },
};
