import { Handler, RpcFactory, RpcModule, type AppOptions, type RpcApplication } from '../../../lib/index.js';
import { consul } from '../../../lib/registry/consul/index.js';
import { nats } from '../../../lib/transport/nats/index.js';
import type { Caller, Peer, Site } from '../peer.js';

@RpcModule({ type: 'echo' })
class Echo {
  @Handler('/echo', { concurrent: true })
  echo(text: string): string {
    return text;
  }
}

/** Silent, and deaf to the flags and variables of whoever runs the benchmark; all else as it comes. */
const QUIET = { logger: false, flags: false, env: {} } as const satisfies AppOptions;

function callerOf(app: RpcApplication, text: string): Caller {
  const { rpc } = app;
  const args = [text];
  return { call: () => rpc.call('echo', '/echo', args), read: (reply) => reply, close: () => app.stop() };
}

/** 256 texts of 64 kB are more than the default lets wait for the server. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** Two apps that find each other through Consul, as in production. */
export function anthillOverNats(wire: string): Peer {
  const open = async ({ nats: servers, consul: addr }: Site, modules: (typeof Echo)[]): Promise<RpcApplication> => {
    const app = await RpcFactory.create({ modules, transport: nats({ servers, maxPendingBytes: MAX_PENDING_BYTES }), registry: consul({ addr }), wires: [wire], ...QUIET });
    await app.start();
    return app;
  };
  return {
    async callee(site) {
      const app = await open(site, [Echo]);
      return { close: () => app.stop() };
    },
    caller: async (site, text) => callerOf(await open(site, []), text),
  };
}

/** One app that calls itself; nothing else is needed. */
export const anthillLocal: Peer = {
  async caller(_site, text) {
    const app = await RpcFactory.create({ modules: [Echo], ...QUIET });
    await app.start();
    return callerOf(app, text);
  },
};
