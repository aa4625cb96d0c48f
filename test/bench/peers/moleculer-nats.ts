import type { Peer, Site } from '../peer.js';
import { loadMoleculer, type MoleculerBroker } from './bench-packages.js';

function openBroker({ nats }: Site, nodeID: string): MoleculerBroker {
  const { ServiceBroker } = loadMoleculer();
  return new ServiceBroker({ logger: false, nodeID, transporter: nats });
}

/** Two brokers, all settings as they come: the JSON serializer, its own discovery over NATS. */
export const peer: Peer = {
  async callee(site) {
    const broker = openBroker(site, 'callee');
    broker.createService({ name: 'echo', actions: { echo: ({ params }) => params } });
    await broker.start();
    return { close: () => broker.stop() };
  },

  async caller(site, text) {
    const broker = openBroker(site, 'caller');
    await broker.start();
    await broker.waitForServices('echo');
    return { call: () => broker.call('echo.echo', text), read: (reply) => reply, close: () => broker.stop() };
  },
};
