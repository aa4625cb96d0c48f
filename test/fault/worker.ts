import { consul } from '../../lib/registry/consul/index.js';
import { memoryRegistry, RpcFactory, type RpcApplication } from '../../lib/index.js';
import { nats } from '../../lib/transport/nats/index.js';
import { Load, noteNodes, recordCall } from './load.js';
import type { Order, Report, WorkerPlan } from './protocol.js';
import { serviceModule } from './services.js';
import type { GateSide } from './gate/gate-side.js';

const plan = JSON.parse(process.argv[2] ?? '{}') as WorkerPlan;
const say = (report: Report): void => void process.send?.(report);
let load: Load | undefined;
// Few workers have to do with gates.
const gates: GateSide | undefined = plan.gate || plan.services.includes('hall') ? new (await import('./gate/gate-side.js')).GateSide(plan) : undefined;

// A worker whose test is gone is of no use. The channel must not keep it alive either: an app does that by itself.
process.on('disconnect', () => process.exit(9));

const app = await RpcFactory.create({
  modules: [...plan.services.filter((name) => name !== 'hall').map((name) => serviceModule(name, plan.nodeId, plan)), ...(gates?.modules ?? [])],
  transport: nats({ servers: plan.nats }),
  registry: plan.consul === undefined ? memoryRegistry() : consul({ addr: plan.consul }),
  processName: plan.name,
  interceptors: { client: [noteNodes] },
  flags: false,
  env: {},
  ...(plan.wires && { wires: plan.wires }),
  ...(plan.killWaitMs !== undefined && { killWaitMs: plan.killWaitMs }),
});
app.enableShutdownHooks();
process.on('message', (message: { id: number; order: Order }) => {
  obey(app, message.order).then(
    (value) => say({ event: 'answer', id: message.id, value }),
    (error: unknown) => say({ event: 'answer', id: message.id, error: String((error as Error).stack ?? error) }),
  );
});
process.channel?.unref();
say({ event: 'created' });
try {
  await app.start({ failFast: plan.failFast ?? false });
  say({ event: 'ready' });
} catch (error) {
  say({ event: 'failed', message: (error as Error).message });
}

async function obey({ rpc }: RpcApplication, order: Order): Promise<unknown> {
  switch (order.do) {
    case 'call':
      return recordCall(rpc, order.target, order.path, order.args ?? [], order.timeoutMs);
    case 'load':
      load = new Load(rpc, order.plan);
      return null;
    case 'peek':
      return load?.take() ?? [];
    case 'unload':
      return (await load?.end()) ?? [];
    case 'health':
      return app.health();
    case 'gate':
      return gates!.report(app);
    case 'push':
      return gates!.push(app, order.plan);
    case 'pushed':
      return gates!.pushed();
    case 'nodes':
      return (await rpc.nodes(order.type)).map(({ id, address, metadata }) => ({ id, address, metadata }));
    case 'memory': {
      globalThis.gc?.();
      const { heapUsed, external, rss } = process.memoryUsage();
      return { heap: heapUsed, external, rss };
    }
  }
}
