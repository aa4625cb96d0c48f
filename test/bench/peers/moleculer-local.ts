import type { Peer } from '../peer.js';
import { loadMoleculer } from './bench-packages.js';

/** A call within one broker, all settings as they come. */
export const peer: Peer = {
  async caller(_site, text) {
    const { ServiceBroker } = loadMoleculer();
    const broker = new ServiceBroker({ logger: false });
    broker.createService({ name: 'echo', actions: { echo: ({ params }) => params } });
    await broker.start();
    return { call: () => broker.call('echo.echo', text), read: (reply) => reply, close: () => broker.stop() };
  },
};
