import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceNode } from '../../lib/common/service-node.js';
import { consul } from '../../lib/registry/consul/consul.registry.js';
import { mqantRecord } from '../../lib/registry/consul/mqant.record.js';
import { memory } from '../../lib/registry/memory.registry.js';
import type { Registry } from '../../lib/registry/registry.js';
import { ServiceDirectory } from '../../lib/selector/service-directory.js';
import { median } from './statistics.js';

/*
 * A service of many nodes that come, go and change all the time, and one process that watches it: what that costs. A node says in its metadata when it changed.
 */

/** What a process of this case does. */
export interface ChurnJob {
  /** `both`: with the registry in memory, changes and watcher are one process, which first measures the changes alone. */
  readonly role: 'both' | 'watcher' | 'changer';
  readonly consul?: string;
  readonly nodes: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** What the watcher measured. */
export interface ChurnFigures {
  /** Share of one core that watching took. */
  readonly cpu: number;
  /** Share of one core that the changes took, where they were made in the same process. */
  readonly changesCpu: number | undefined;
  readonly heapMb: number;
  /** Of that, what there was before the watch began. */
  readonly heapBeforeMb: number;
  readonly snapshotsPerSecond: number;
  readonly changesSeen: number;
  /** Milliseconds until a change is seen. */
  readonly delayMs: { readonly median: number; readonly worst: number };
}

const SERVICE = 'crowd';
const TIMES = { ttlMs: 600_000, intervalMs: 300_000 };
const ZONES = ['east', 'west', 'north'];
/** Consul takes 64 operations together. */
const AT_ONCE = 60;
const megabytes = (): number => (globalThis.gc?.(), process.memoryUsage().heapUsed / 2 ** 20);

function node(i: number, changedAt: number): ServiceNode {
  const id = `${SERVICE}@${i.toString(16).padStart(16, '0')}`;
  return { id, type: SERVICE, version: '1.2.0', address: `${SERVICE}.${i}`, metadata: { zone: ZONES[i % 3]!, weight: `${50 + (i % 100)}`, 'anthill.wires': 'anthill/1,mqant', at: `${changedAt}` } };
}

/** Where changes are made. */
interface Changed {
  /** How many changes are made together. */
  readonly batch: number;
  apply(put: readonly ServiceNode[], taken: readonly string[]): Promise<unknown>;
}

/** Writes to Consul's catalogue, some at once: our registry looks after each new node, in the list of all of them. */
function catalogueOf(addr: string): Changed {
  const host = 'crowd-host';
  const rowOf = (node: ServiceNode): object => {
    const { ID, Name, Address, Tags } = mqantRecord().encode(node, TIMES.ttlMs)!;
    return { Service: { Verb: 'set', Node: host, Service: { ID, Service: Name, Address, Tags } } };
  };
  return {
    batch: 10,
    async apply(put, taken) {
      const away = taken.map((ID) => ({ Service: { Verb: 'delete', Node: host, Service: { ID, Service: SERVICE } } }));
      const operations = [{ Node: { Verb: 'set', Node: { Node: host, Address: '127.0.0.1' } } }, ...put.map(rowOf), ...away];
      const response = await fetch(`http://${addr}/v1/txn`, { method: 'PUT', body: JSON.stringify(operations) });
      if (!response.ok) throw new Error(`Consul answers ${response.status}: ${await response.text()}`);
    },
  };
}

function registrarOf(registry: Registry): Changed {
  return {
    batch: 1,
    async apply(put, taken) {
      for (const each of put) await registry.register(each, TIMES);
      for (const id of taken) await registry.deregister({ ...node(0, 0), id });
    },
  };
}

async function fill(changed: Changed, count: number): Promise<void> {
  for (let i = 0; i < count; i += AT_ONCE) await changed.apply(Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, j) => node(i + j, Date.now())), []);
}

/** Of ten changes eight are of metadata, one is a node that goes and one a node that went before and comes back. */
async function change(changed: Changed, { nodes, perSecond, seconds }: ChurnJob): Promise<void> {
  const startedAt = performance.now();
  const nth = (n: number): number => (Math.max(0, n) * 7919) % nodes;
  for (let n = 0; n < perSecond * seconds; n += changed.batch) {
    const batch = Array.from({ length: changed.batch }, (_, i) => n + i);
    const put = batch.filter((each) => each % 10 !== 0).map((each) => node(nth(each % 10 === 5 ? each - 15 : each), Date.now()));
    await changed.apply(put, batch.filter((each) => each % 10 === 0).map((each) => node(nth(each), 0).id));
    const wait = startedAt + ((n + changed.batch) * 1000) / perSecond - performance.now();
    if (wait > 0) await delay(wait);
  }
}

async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  const from = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (performance.now() - from);
}

async function watch(registry: Registry, during: () => Promise<void>, changesCpu: number | undefined): Promise<ChurnFigures> {
  const heapBeforeMb = megabytes();
  const directory = new ServiceDirectory(registry);
  await directory.nodes(SERVICE);
  const delays: number[] = [];
  let seen = 0;
  directory.onChange(({ added, changed, removed }) => {
    seen += added.length + changed.length + removed.length;
    const now = Date.now();
    for (const { metadata } of [...added, ...changed]) delays.push(now - Number(metadata['at']));
  });
  const before = directory.counters.snapshots;
  const from = performance.now();
  // A caller is at work too: what a snapshot leaves to the first pick counts.
  const calls = setInterval(() => void directory.pick(SERVICE, '/', undefined), 2);
  const cpu = await cpuOf(during);
  clearInterval(calls);
  const figures = {
    cpu: cpu - (changesCpu ?? 0),
    changesCpu,
    snapshotsPerSecond: ((directory.counters.snapshots - before) * 1000) / (performance.now() - from),
    changesSeen: seen,
    delayMs: { median: median(delays), worst: Math.max(...delays) },
    heapBeforeMb,
    heapMb: megabytes(),
  };
  directory.close();
  return figures;
}

const job = JSON.parse(process.argv[2]!) as ChurnJob;
const registry = job.consul === undefined ? memory() : consul({ addr: job.consul, env: {} });
const changed = job.consul === undefined ? registrarOf(registry) : catalogueOf(job.consul);
if (job.role !== 'watcher') await fill(changed, job.nodes);
if (job.role === 'both') {
  // The first run warms up.
  await change(changed, { ...job, seconds: 2 });
  const changesCpu = await cpuOf(() => change(changed, job));
  process.send!(await watch(registry, () => change(changed, job), changesCpu));
} else if (job.role === 'watcher') {
  process.send!('ready');
  process.send!(await watch(registry, () => delay(job.seconds * 1000), undefined));
} else {
  process.send!('ready');
  await change(changed, job);
}
await registry.close();
process.disconnect();
