import { performance } from 'node:perf_hooks';
import { Config } from '../../lib/config/config.js';
import type { ConfigValue } from '../../lib/config/config-value.js';
import { LiveConfig } from '../../lib/config/live-config.js';
import { memoryConfig, MemoryConfigHub } from '../../lib/config/memory.source.js';
import { systemClock } from '../../lib/common/clock.js';
import { median } from './statistics.js';

/*
 * Time of one read of a config value, while the config changes between the rounds. The bar is issue 4: below 50 ns. And of taking one change, by number of declared
 * values: what a change costs a process.
 *
 *   node dist/test/bench/config.bench.js
 *
 * With a parent process (`npm run bench`) the figures go there.
 */
const ROUNDS = 9;
const READS = 2_000_000;
const VALUES = 100;

export interface ConfigFigures {
  /** Nanoseconds for `value.value.n`. */
  readonly readNs: number;
  /** Nanoseconds for `config.get('v7.n')`. */
  readonly getNs: number;
  /** Milliseconds for one change with {@link VALUES} declared values. */
  readonly changeMs: number;
}

const hub = new MemoryConfigHub();
hub.change(Array.from({ length: VALUES }, (_, i) => [`Settings/v${i}`, `{ "n": ${i}, "list": [1, 2, 3] }`] as const));
const live = await LiveConfig.open({ flags: false, env: {}, configFile: false, sources: [memoryConfig(hub)] });
const config = new Config(live.state, systemClock);
const values = Array.from({ length: VALUES }, (_, i) => config.value<{ n: number }>(`v${i}`));
live.start();

/** Reads as handlers do: a field of an object that was injected. */
class Handler {
  constructor(private readonly limit: ConfigValue<{ n: number }>) {}
  handle(n: number): number {
    return n + this.limit.value.n;
  }
}

const handlers = values.map((value) => new Handler(value));
let sum = 0;

function read(): number {
  const startedAt = performance.now();
  for (let i = 0; i < READS; i++) sum += handlers[i % VALUES]!.handle(1);
  return ((performance.now() - startedAt) * 1e6) / READS;
}

function get(): number {
  const startedAt = performance.now();
  for (let i = 0; i < READS / 20; i++) sum += config.get('v7.n') as number;
  return ((performance.now() - startedAt) * 1e6) / (READS / 20);
}

async function change(round: number): Promise<number> {
  const changed = new Promise<void>((resolve) => {
    const end = values[round]!.onChange(() => {
      end();
      resolve();
    });
  });
  const startedAt = performance.now();
  hub.put(`Settings/v${round}/n`, `${-1 - round}`);
  await changed;
  return performance.now() - startedAt;
}

const reads: number[] = [];
const gets: number[] = [];
const changes: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  reads.push(read());
  gets.push(get());
  changes.push(await change(round));
}
await live.close();
if (sum === 0) throw new Error('nothing was read');
const figures: ConfigFigures = { readNs: median(reads), getNs: median(gets), changeMs: median(changes) };
if (process.send) process.send(figures);
else console.log(`read ${figures.readNs.toFixed(1)} ns, get by path ${figures.getNs.toFixed(0)} ns, a change among ${VALUES} values ${figures.changeMs.toFixed(2)} ms`);
