import type { AddressInfo, Server } from 'node:net';
import type { Peer } from '../peer.js';
import { loadMoleculer, loadMoleculerWeb } from './bench-packages.js';
import { httpCaller } from './http-client.js';

interface WebBroker {
  createService(schema: Record<string, unknown>): { readonly server?: Server };
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Its gateway with a parser of JSON; it makes an object of the array that it gets. */
export const peer: Peer = {
  async callee() {
    const broker = new (loadMoleculer().ServiceBroker)({ logger: false }) as unknown as WebBroker;
    broker.createService({ name: 'echo', actions: { echo: ({ params }: { params: Record<string, unknown> }) => params[0] } });
    const web = broker.createService({ name: 'web', mixins: [loadMoleculerWeb()], settings: { ip: '127.0.0.1', port: 0, routes: [{ path: '/', bodyParsers: { json: true } }] } });
    await broker.start();
    return { handOver: (web.server!.address() as AddressInfo).port, close: () => broker.stop() };
  },
  caller: async (_site, text, port) => httpCaller(port as number, text),
};
