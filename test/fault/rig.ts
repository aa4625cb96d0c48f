import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConsulOptions, type NatsOptions, type RunningServer, startConsul, startNats } from '../services/index.js';
import type { CallRecord, WorkerPlan } from './protocol.js';
import { WorkerProcess } from './worker-process.js';

/** True for `npm run test:soak`: the full lengths. */
export const isSoak = process.env['ANTHILL_SOAK'] === '1';

export interface FaultRig {
  nats(options?: NatsOptions): Promise<RunningServer>;
  consul(options?: ConsulOptions): Promise<RunningServer>;
  /** A worker, not waited for. */
  spawn(plan: WorkerPlan, execArgv?: readonly string[]): WorkerProcess;
  /** A worker that is ready. */
  start(plan: WorkerPlan, execArgv?: readonly string[]): Promise<WorkerProcess>;
}

/** Servers and workers that are gone after each test. Call it inside `describe`. */
export function faultRig(): FaultRig {
  const cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    // Workers first: they would complain of missing servers.
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const keep = async (starting: Promise<RunningServer>): Promise<RunningServer> => {
    const server = await starting;
    cleanups.push(() => server.stop());
    return server;
  };
  const spawn = (plan: WorkerPlan, execArgv: readonly string[] = []): WorkerProcess => {
    const worker = new WorkerProcess(plan, execArgv);
    cleanups.push(() => worker.destroy());
    return worker;
  };
  return {
    nats: (options) => keep(startNats(options)),
    consul: (options) => keep(startConsul(options)),
    spawn,
    start: (plan, execArgv) => spawn(plan, execArgv).ready(),
  };
}

/** Asks again until it holds. @returns how many milliseconds that took */
export async function eventually(what: string, limitMs: number, holds: () => Promise<boolean> | boolean): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    if (await holds()) return performance.now() - startedAt;
    if (performance.now() - startedAt > limitMs) assert.fail(`${what} did not come within ${limitMs} ms`);
    await delay(20);
  }
}

/** Keeps a fault up for its time. */
export function lasts(ms: number): Promise<void> {
  return delay(ms);
}

/** The ids of nodes of a service that Consul says are healthy. */
export async function healthyIn(consul: RunningServer, type: string): Promise<string[]> {
  const answer = await fetch(`${consul.url}/v1/health/service/${type}?passing=1`);
  return ((await answer.json()) as { Service: { ID: string } }[]).map(({ Service }) => Service.ID).sort();
}

/** The address of Consul as `consul({ addr })` takes it. */
export function addrOf(consul: RunningServer): string {
  return `${consul.host}:${consul.port}`;
}

export function failures(records: readonly CallRecord[]): CallRecord[] {
  return records.filter((record) => record.error !== undefined);
}

/** Failed calls by reason, for messages. */
export function reasons(records: readonly CallRecord[]): string {
  const counts = new Map<string, number>();
  for (const { error, node, path } of failures(records)) {
    const key = `${error!.reason || error!.code} (${path} at ${node ?? 'no node'}): ${error!.message}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].slice(0, 20).map(([key, times]) => `${times} x ${key}`).join('\n');
}

/** Asserts that no call failed. */
export function assertNoFailures(records: readonly CallRecord[], when: string): void {
  assert.equal(failures(records).length, 0, `${when}: ${failures(records).length} of ${records.length} calls failed:\n${reasons(records)}`);
}

/** Latency below which this share of calls ended, in milliseconds. */
export function quantile(records: readonly CallRecord[], share: number): number {
  const times = records.map((record) => record.ms).sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
}

/** A figure for the note of a run. */
export function figure(text: string): void {
  console.log(`figure: ${text}`);
}
