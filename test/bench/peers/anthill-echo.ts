import { systemClock, systemRandom } from '../../../lib/common/clock.js';
import { silentLogger } from '../../../lib/common/logger.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { RpcRuntime } from '../../../lib/bootstrap/rpc-runtime.js';
import { memory } from '../../../lib/registry/memory.registry.js';
import { msgpack } from '../../../lib/rpc/msgpack.codec.js';
import type { Wire } from '../../../lib/rpc/wire.js';
import type { Transport } from '../../../lib/rpc/transport.js';
import { nats } from '../../../lib/transport/nats/index.js';
import type { Peer } from '../peer.js';

async function open(transport: Transport, wire: Wire): Promise<{ runtime: RpcRuntime; registry: ReturnType<typeof memory> }> {
  const codec = msgpack();
  const registry = memory();
  const runtime = new RpcRuntime({
    transport,
    wires: [wire],
    registry,
    codec,
    codecs: [codec],
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    timeoutMs: 10_000,
    processName: 'bench',
    clientInterceptors: [],
    serverInterceptors: [],
    mapError: () => undefined,
  });
  await transport.connect();
  return { runtime, registry };
}

function serve(runtime: RpcRuntime) {
  const node = runtime.addNode({ type: 'echo', id: 'x', version: '1', metadata: {}, registration: {} });
  node.server.add({ path: '/echo', origin: 'bench', options: { concurrent: true }, arity: undefined, invoke: (args) => args[0] });
  return node;
}

export function anthillOverNats(wire: () => Wire): Peer {
  return {
    async callee(site) {
      const { runtime } = await open(nats({ servers: site.nats }), wire());
      const node = serve(runtime);
      await runtime.listen();
      await Promise.all(runtime.advertise());
      return { handOver: node.node, close: () => runtime.close() };
    },
    async caller(site, text, handOver) {
      const { runtime, registry } = await open(nats({ servers: site.nats }), wire());
      await registry.register(handOver as ServiceNode, { ttlMs: 1e9, intervalMs: 1e9 });
      await runtime.listen();
      const args = [text];
      return { call: () => runtime.rpc.call('echo', '/echo', args), read: (reply) => reply, close: () => runtime.close() };
    },
  };
}

export function anthillLocal(transport: () => Transport, wire: () => Wire): Peer {
  return {
    async caller(_site, text) {
      const { runtime } = await open(transport(), wire());
      serve(runtime);
      await runtime.listen();
      await Promise.all(runtime.advertise());
      const args = [text];
      return { call: () => runtime.rpc.call('echo', '/echo', args), read: (reply) => reply, close: () => runtime.close() };
    },
  };
}
