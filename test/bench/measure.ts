import { Child } from './child.js';
import { cpuSeconds } from './cpu-time.js';
import type { Load, Site } from './peer.js';
import { median } from './statistics.js';

/** A peer in a case. */
export interface Entrant {
  /** File in peers/, without ending. */
  readonly peer: string;
  readonly title: string;
  /** Has a callee process of its own. */
  readonly remote: boolean;
  /** Has another process behind that. */
  readonly backend?: boolean;
  readonly ours?: boolean;
}

/** One peer in one round. CPU times in microseconds for each call, undefined where they cannot be had. */
export interface Sample {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly callerCpu: number | undefined;
  readonly calleeCpu: number | undefined;
  readonly backendCpu?: number | undefined;
  readonly serverCpu: number | undefined;
}

/** What measuring needs from a run. */
export interface Bench {
  readonly site: Site;
  readonly natsPid: number;
  readonly rounds: number;
  readonly profile: boolean;
  readonly log: (line: string) => void;
}

/** Samples of all rounds by peer, in the order of the entrants; none of a peer that cannot bear the load. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/**
 * All peers in turn, in fresh processes, `rounds` times; every other round in reverse order, so that none is always the one after a hot one.
 * A peer that fails is left out from then on; when ours does, that is an error.
 */
export async function measure(bench: Bench, entrants: readonly Entrant[], load: Load, rounds = bench.rounds): Promise<Samples> {
  const samples = new Map<string, Sample[]>(entrants.map(({ peer }) => [peer, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? entrants : [...entrants].reverse();
    for (const entrant of order) {
      const past = samples.get(entrant.peer);
      if (past === undefined) continue;
      let sample: Sample;
      try {
        sample = await measureOne(bench, entrant, load);
      } catch (error) {
        if (entrant.ours) throw new Error(`${entrant.title}, round ${round + 1}: ${(error as Error).message}`, { cause: error });
        bench.log(`  round ${round + 1} ${entrant.title.padEnd(36)} fails: ${(error as Error).message}`);
        samples.delete(entrant.peer);
        continue;
      }
      past.push(sample);
      bench.log(`  round ${round + 1} ${entrant.title.padEnd(36)} ${Math.round(sample.rate).toLocaleString('en').padStart(9)}/s  p50 ${sample.p50.toFixed(1)} µs`);
    }
  }
  return samples;
}

async function measureOne(bench: Bench, { peer, remote, backend: hasBackend }: Entrant, load: Load): Promise<Sample> {
  const { site, natsPid } = bench;
  const profile = (role: string): string | undefined => (bench.profile ? `${peer}-${load.inFlight}-${load.payload}-${role}` : undefined);
  const children: Child[] = [];
  try {
    const backend = hasBackend ? new Child({ peer, role: 'backend', site, load }, profile('backend')) : undefined;
    if (backend) children.push(backend);
    await backend?.next('ready');
    const callee = remote ? new Child({ peer, role: 'callee', site, load }, profile('callee')) : undefined;
    if (callee) children.unshift(callee);
    const ready = await callee?.next('ready');
    const handOver = ready?.handOver;
    const caller = new Child({ peer, role: 'caller', site, load, handOver }, profile('caller'));
    children.unshift(caller);
    const pids = [caller.pid, ready?.pid ?? callee?.pid, backend?.pid, remote ? natsPid : undefined];
    const read = (): (number | undefined)[] => pids.map((pid) => (pid === undefined ? undefined : cpuSeconds(pid)));
    await caller.next('measuring');
    const before = read();
    const { measured } = await caller.next('measured');
    // A rate of zero has no latency, and no ratio to it means anything.
    if (measured.calls === 0) throw new Error(`nothing was done within ${load.measureMs / 1000} s`);
    const [callerCpu, calleeCpu, backendCpu, serverCpu] = read().map((after, i) => {
      const from = before[i];
      return after === undefined || from === undefined ? undefined : ((after - from) / measured.calls) * 1e6;
    });
    return { rate: measured.calls / measured.seconds, p50: measured.p50, p99: measured.p99, callerCpu, calleeCpu, backendCpu, serverCpu };
  } finally {
    for (const child of children) await child.stop();
  }
}

/** The medians over rounds. */
export function typical(samples: readonly Sample[]): Sample {
  const of = (field: keyof Sample): number => median(samples.map((sample) => sample[field] ?? NaN));
  const some = (field: keyof Sample): number | undefined => (samples.some((sample) => sample[field] === undefined) ? undefined : of(field));
  return { rate: of('rate'), p50: of('p50'), p99: of('p99'), callerCpu: some('callerCpu'), calleeCpu: some('calleeCpu'), backendCpu: some('backendCpu'), serverCpu: some('serverCpu') };
}
