import { performance } from 'node:perf_hooks';
import { systemClock } from '../../lib/common/clock.js';
import type { Selector } from '../../lib/common/selection.js';
import type { ServiceNode } from '../../lib/common/service-node.js';
import { memory } from '../../lib/registry/memory.registry.js';
import { version } from '../../lib/selector/filters.js';
import { leastInFlight } from '../../lib/selector/least-in-flight.selector.js';
import { random } from '../../lib/selector/random.selector.js';
import { roundRobin } from '../../lib/selector/round-robin.selector.js';
import { ServiceDirectory } from '../../lib/selector/service-directory.js';
import { weighted } from '../../lib/selector/weighted.selector.js';
import { median } from './statistics.js';

/*
 * Time and memory of one pick with its done(), by number of nodes. The bar is DESIGN section 8: below 1 µs among 10,000 nodes, no allocation
 * that grows with nodes. Medians of rounds that take turns, so that a disturbance hits all cases.
 *
 *   node --expose-gc dist/test/bench/pick.bench.js
 *
 * With a parent process (`npm run bench`) the figures go there.
 */
const ROUNDS = 9;
const PICKS = 200_000;
const SIZES = [10, 1000, 10_000];
const filters = [version('2.0.0')];
const marked = 3;

/** One case with one number of nodes. */
export interface PickFigure {
  readonly name: string;
  readonly nodes: number;
  readonly ns: number;
  /** Allocated by one pick; undefined without `--expose-gc`. */
  readonly bytes: number | undefined;
}

interface Case {
  readonly name: string;
  readonly selector: Selector;
  readonly options?: { filters: typeof filters };
  readonly byId?: boolean;
  readonly unreachable?: boolean;
}

const cases: readonly Case[] = [
  { name: 'random', selector: random() },
  { name: 'roundRobin', selector: roundRobin() },
  { name: 'weighted', selector: weighted() },
  { name: 'leastInFlight', selector: leastInFlight() },
  { name: 'random, version filter', selector: random(), options: { filters } },
  { name: 'random, 3 unreachable', selector: random(), unreachable: true },
  { name: 'type@id', selector: random(), byId: true },
];

async function directoryOf(size: number, { selector, unreachable }: Case): Promise<ServiceDirectory> {
  const registry = memory();
  for (let i = 0; i < size; i++) {
    const node: ServiceNode = { id: `a@${i}`, type: 'a', version: i % 2 === 0 ? '1.0.0' : '2.0.0', address: `${i}`, metadata: { weight: `${i % 7}`, pid: '1' } };
    await registry.register(node, { ttlMs: 3_600_000, intervalMs: 1000 });
  }
  // The time of marks stands still, so that the marked stay marked; looking at the clock still costs what it costs.
  const clock = { ...systemClock, now: () => systemClock.now() * 0 };
  const directory = new ServiceDirectory(registry, { selector, clock });
  const nodes = await directory.nodes('a');
  if (unreachable) for (const node of nodes.slice(0, marked)) directory.markUnreachable(node);
  return directory;
}

function run(directory: ServiceDirectory, { options, byId }: Case): number {
  const target = byId ? 'a@7' : 'a';
  const outcome = { ok: true, latencyMs: 0 };
  const startedAt = performance.now();
  for (let i = 0; i < PICKS; i++) {
    const picked = directory.pick(target, '/p', options);
    if (picked instanceof Promise) throw new Error('a pick with a snapshot at hand must be synchronous');
    picked.done(outcome);
  }
  return ((performance.now() - startedAt) * 1e6) / PICKS;
}

function bytesPerPick(directory: ServiceDirectory, of: Case): number | undefined {
  if (globalThis.gc === undefined) return undefined;
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const target = of.byId ? 'a@7' : 'a';
  // Few enough that the collector does not run in between.
  const count = 2000;
  for (let i = 0; i < count; i++) void directory.pick(target, '/p', of.options);
  return Math.max(0, Math.round((process.memoryUsage().heapUsed - before) / count));
}

const subjects = await Promise.all(cases.map(async (of) => ({ of, directories: await Promise.all(SIZES.map((size) => directoryOf(size, of))) })));
const times = subjects.map(() => SIZES.map(() => [] as number[]));
for (let round = 0; round < ROUNDS; round++) {
  subjects.forEach(({ of, directories }, i) => directories.forEach((directory, j) => times[i]![j]!.push(run(directory, of))));
}
const figures: PickFigure[] = subjects.flatMap(({ of, directories }, i) =>
  directories.map((directory, j) => ({ name: of.name, nodes: SIZES[j]!, ns: median(times[i]![j]!), bytes: bytesPerPick(directory, of) })),
);
for (const { directories } of subjects) for (const directory of directories) directory.close();
if (process.send) {
  process.send(figures);
} else {
  for (const { name, nodes, ns, bytes } of figures) console.log(`${name.padEnd(24)} ${String(nodes).padStart(6)} nodes ${ns.toFixed(0).padStart(5)} ns ${bytes === undefined ? '' : `${bytes} B`}`);
}
