import { afterEach } from 'node:test';
import { freePorts } from '../../services/free-port.js';
import { type RunningServer, startConsul, startNats, startRedis } from '../../services/index.js';
import { addrOf, eventually } from '../rig.js';
import { WorkerProcess } from '../worker-process.js';
import { Balancer } from './balancer.js';
import type { GatePlan } from './gate-protocol.js';

/** Two gates and two halls behind them, each a process, over NATS, Consul and Redis. */
export interface GateCluster {
  readonly nats: RunningServer;
  readonly consul: RunningServer;
  readonly redis: RunningServer;
  readonly gates: readonly [WorkerProcess, WorkerProcess];
  readonly halls: readonly [WorkerProcess, WorkerProcess];
  /** Where clients of MQTT, and of WebSockets, find a gate: `near[0]` gives the first one while it lives, `near[1]` the second. */
  readonly near: readonly [{ readonly tcp: Balancer; readonly websocket: Balancer }, { readonly tcp: Balancer; readonly websocket: Balancer }];
  /** A worker like the first gate, or another; not waited for. */
  gate(index: 0 | 1): WorkerProcess;
  hall(index: 0 | 1): WorkerProcess;
}

export interface ClusterOptions {
  readonly gate?: Partial<GatePlan>;
  /** More lines for the configuration of Redis. */
  readonly redis?: string;
}

/** A client may have to wait on a machine that does other things. */
const PATIENT = { connectTimeoutMs: 30_000 };

export interface GateRig {
  readonly cleanups: (() => unknown)[];
  cluster(options?: ClusterOptions): Promise<GateCluster>;
}

/** Clusters that are gone after each test, or after the last with the hook `after`, and whatever else is given to `cleanups`. Call it inside `describe`. */
export function gateRig(hook: typeof afterEach = afterEach): GateRig {
  const cleanups: (() => unknown)[] = [];
  hook(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const kept = async (starting: Promise<RunningServer>): Promise<RunningServer> => {
    const server = await starting;
    cleanups.push(() => server.stop());
    return server;
  };
  const spawn = (plan: ConstructorParameters<typeof WorkerProcess>[0]): WorkerProcess => {
    const worker = new WorkerProcess(plan);
    cleanups.push(() => worker.destroy());
    return worker;
  };
  const balancer = async (...targets: number[]): Promise<Balancer> => {
    const opened = await Balancer.open(...targets);
    cleanups.push(() => opened.close());
    return opened;
  };
  const cluster = async ({ gate: options = {}, redis: config }: ClusterOptions = {}): Promise<GateCluster> => {
    const [nats, consul, redis] = await Promise.all([kept(startNats()), kept(startConsul()), kept(startRedis(config === undefined ? {} : { config }))]);
    const [a, b, c, d] = (await freePorts(4)) as [number, number, number, number];
    const common = { nats: nats.url, consul: addrOf(consul) };
    const gate = (index: 0 | 1) => {
      const ports = index === 0 ? { tcp: a, websocket: b } : { tcp: c, websocket: d };
      return spawn({ ...common, name: `gate-${index}`, services: [], nodeId: `g${index}`, gate: { ...ports, redis: redis.port, limits: PATIENT, ...options } });
    };
    const hall = (index: 0 | 1) => spawn({ ...common, name: `hall-${index}`, services: ['hall'], nodeId: `h${index}` });
    const gates = [gate(0), gate(1)] as const;
    const halls = [hall(0), hall(1)] as const;
    await Promise.all([...gates, ...halls].map((worker) => worker.ready()));
    await Promise.all([...gates, ...halls].map((worker) => eventually('all nodes', 30_000, async () => (await knows(worker, 'Gate')) === 2 && (await knows(worker, 'hall')) === 2)));
    const near = [
      { tcp: await balancer(a, c), websocket: await balancer(b, d) },
      { tcp: await balancer(c, a), websocket: await balancer(d, b) },
    ] as const;
    return { nats, consul, redis, gates, halls, near, gate, hall };
  };
  return { cleanups, cluster };
}

async function knows(worker: WorkerProcess, type: string): Promise<number> {
  return (await worker.ask({ do: 'nodes', type })).length;
}
