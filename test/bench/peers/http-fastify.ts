import { fastify } from 'fastify';
import type { AddressInfo } from 'node:net';
import { RpcFactory } from '../../../lib/bootstrap/rpc.factory.js';
import type { Peer } from '../peer.js';
import { httpCaller } from './http-client.js';
import { HttpEcho } from './http-service.js';

/** Fastify with one route that makes the same call. */
export const peer: Peer = {
  async callee() {
    const app = await RpcFactory.create({ modules: [HttpEcho], logger: false, flags: false, env: {} });
    await app.start();
    const server = fastify();
    server.post('/echo/echo', async (request, reply) => {
      const result = await app.rpc.call('echo', '/echo', request.body as unknown[]);
      return reply.type('application/json').send(JSON.stringify(result));
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
    return {
      handOver: (server.server.address() as AddressInfo).port,
      close: async () => {
        await server.close();
        await app.stop();
      },
    };
  },
  caller: async (_site, text, port) => httpCaller(port as number, text),
};
