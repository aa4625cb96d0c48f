import type { AppHealth } from '../../lib/index.js';
import type { GatePlan, GateReport, PushPlan, PushRecord } from './gate/gate-protocol.js';

/** What a worker of the fault tests runs; its first argument, as JSON. */
export interface WorkerPlan {
  /** Shown in logs and to callees. */
  readonly name: string;
  /** Names of services.ts. None: a process that only calls. */
  readonly services: readonly string[];
  /** URL of the NATS server. */
  readonly nats: string;
  /** `host:port` of Consul. Without it the registry is in memory, and only services of this process are found. */
  readonly consul?: string;
  /** Of its nodes. @default random */
  readonly nodeId?: string;
  readonly ttlMs?: number;
  readonly intervalMs?: number;
  readonly killWaitMs?: number;
  readonly failFast?: boolean;
  /** @default 'anthill/1', then 'mqant' */
  readonly wires?: readonly string[];
  /** That it must be able to have. @default what the machine gives */
  readonly openFiles?: number;
  /** It has a gate. */
  readonly gate?: GatePlan;
}

/** An open loop: calls are issued by the clock, whatever becomes of earlier ones. */
export interface LoadPlan {
  readonly target: string;
  readonly perSecond: number;
  readonly timeoutMs?: number;
  /** Issued in turn: handler and arguments. */
  readonly calls: readonly (readonly [path: string, ...args: unknown[]])[];
}

/** How one call went. Times are wall clock with fractions, so that processes of one machine compare. */
export interface CallRecord {
  readonly at: number;
  readonly ms: number;
  /** The node picked last. */
  readonly node: string | undefined;
  readonly path: string;
  /** Undefined: it went well. */
  readonly error?: { readonly code: string; readonly reason: string; readonly message: string };
}

/** Orders to a worker. Each is answered by `{ id, value }` or `{ id, error }`. */
export type Order =
  | { readonly do: 'call'; readonly target: string; readonly path: string; readonly args?: readonly unknown[]; readonly timeoutMs?: number }
  /** Starts the open loop. */
  | { readonly do: 'load'; readonly plan: LoadPlan }
  /** What ended since the last look, while the loop goes on. */
  | { readonly do: 'peek' }
  /** Ends the loop, waits for what is in flight; all records since the last look. */
  | { readonly do: 'unload' }
  | { readonly do: 'health' }
  /** How the gate of this process is. */
  | { readonly do: 'gate' }
  /** Pushes by the clock; the process needs the service `hall`. */
  | { readonly do: 'push'; readonly plan: PushPlan }
  /** Ends that, waits for what is in flight; how each push went. */
  | { readonly do: 'pushed' }
  /** Ids of the nodes that this process knows of a service. */
  | { readonly do: 'nodes'; readonly type: string }
  /** Bytes of heap in use after a collection, and of all memory; needs --expose-gc. */
  | { readonly do: 'memory' };

export interface Answers {
  call: { readonly record: CallRecord; readonly value?: unknown };
  load: null;
  peek: readonly CallRecord[];
  unload: readonly CallRecord[];
  health: AppHealth;
  gate: GateReport;
  push: null;
  pushed: readonly PushRecord[];
  nodes: readonly { readonly id: string; readonly address: string; readonly metadata: Readonly<Record<string, string>> }[];
  memory: { readonly heap: number; readonly external: number; readonly rss: number };
}

/** What a worker says. */
export type Report =
  | { readonly event: 'created' | 'ready' }
  | { readonly event: 'failed'; readonly message: string }
  | { readonly event: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string };

/** Wall clock in milliseconds, with fractions, that no correction of the clock moves. */
export const stamp = (): number => performance.timeOrigin + performance.now();
