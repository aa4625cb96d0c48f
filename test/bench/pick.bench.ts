import { performance } from 'node:perf_hooks';
import { systemClock } from '../../lib/common/clock.js';
import type { Picked, SelectOptions, Selector } from '../../lib/common/selection.js';
import type { ServiceNode } from '../../lib/common/service-node.js';
import { memory } from '../../lib/registry/memory.registry.js';
import { consistentHash } from '../../lib/selector/consistent-hash.selector.js';
import type { ServiceDirectoryOptions } from '../../lib/selector/directory-options.js';
import { version } from '../../lib/selector/filters.js';
import { leastInFlight } from '../../lib/selector/least-in-flight.selector.js';
import { preferZone } from '../../lib/selector/prefer-zone.selector.js';
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
  /** Of calls that take turns. */
  readonly options?: readonly (SelectOptions | undefined)[];
  readonly directory?: ServiceDirectoryOptions;
  readonly byId?: boolean;
  /** Before the measurement. */
  prepare?(directory: ServiceDirectory, nodes: readonly ServiceNode[]): void;
}

const keys = Array.from({ length: 4096 }, (_, i): SelectOptions => ({ hashKey: `user-${i}` }));
const failure = { code: 'UNAVAILABLE', reason: 'HANDLER_ABORTED', remote: true } as const;
const mark = (directory: ServiceDirectory, nodes: readonly ServiceNode[]) => nodes.slice(0, marked).forEach((node) => directory.markUnreachable(node));
const eject = (directory: ServiceDirectory, nodes: readonly ServiceNode[]) => {
  for (const { id } of nodes.slice(0, marked)) (directory.pick(id, '/p', undefined) as Picked).done({ ok: false, latencyMs: 1, error: failure });
  if (directory.counters.ejected !== marked) throw new Error(`${directory.counters.ejected} nodes are ejected, not ${marked}`);
};

const cases: readonly Case[] = [
  { name: 'random', selector: random() },
  { name: 'roundRobin', selector: roundRobin() },
  { name: 'weighted', selector: weighted() },
  { name: 'leastInFlight', selector: leastInFlight() },
  { name: 'consistentHash', selector: consistentHash(), options: keys },
  { name: 'consistentHash, no key', selector: consistentHash() },
  { name: 'preferZone, random', selector: preferZone(), directory: { zone: 'east' } },
  { name: 'random, version filter', selector: random(), options: [{ filters }] },
  { name: 'random, 3 unreachable', selector: random(), prepare: mark },
  { name: 'random, outliers watched', selector: random(), directory: { outlierDetection: { consecutiveFailures: 5 } } },
  { name: 'random, 3 ejected', selector: random(), directory: { outlierDetection: { consecutiveFailures: 1 } }, prepare: eject },
  { name: 'type@id', selector: random(), byId: true },
];

async function directoryOf(size: number, { selector, prepare, directory: options }: Case): Promise<ServiceDirectory> {
  const registry = memory();
  for (let i = 0; i < size; i++) {
    const node: ServiceNode = { id: `a@${i}`, type: 'a', version: i % 2 === 0 ? '1.0.0' : '2.0.0', address: `${i}`, metadata: { weight: `${i % 7}`, pid: '1', zone: i % 3 === 0 ? 'west' : 'east' } };
    await registry.register(node, { ttlMs: 3_600_000, intervalMs: 1000 });
  }
  // The time of marks stands still, so that the marked stay marked; looking at the clock still costs what it costs.
  const clock = { ...systemClock, now: () => systemClock.now() * 0 };
  const directory = new ServiceDirectory(registry, { selector, clock, ...options });
  const nodes = await directory.nodes('a');
  prepare?.(directory, nodes);
  return directory;
}

const NO_OPTIONS: readonly undefined[] = [undefined];

function run(directory: ServiceDirectory, { options = NO_OPTIONS, byId }: Case): number {
  const target = byId ? 'a@7' : 'a';
  const outcome = { ok: true, latencyMs: 0 };
  const startedAt = performance.now();
  for (let i = 0; i < PICKS; i++) {
    const picked = directory.pick(target, '/p', options[i % options.length]);
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
  const { options = NO_OPTIONS } = of;
  for (let i = 0; i < count; i++) void directory.pick(target, '/p', options[i % options.length]);
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
