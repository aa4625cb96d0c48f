/**
 * Who hands out the worker ids of unique ids, so that no two processes have one at a time: a lease in etcd, a session in Consul, a table in memory.
 * Adapters pass `workerIdsContract` of `anthill/testing`.
 * @plugin
 */
export interface WorkerIds {
  /** For messages, e.g. `etcd at 127.0.0.1:2379`. */
  readonly name: string;
  /** Takes a free one and keeps it until it is released or lost. Rejects when there is none, or nobody to ask. */
  claim(signal?: AbortSignal): Promise<WorkerClaim>;
  /** Ends connections and timers. Claims that are not released run out by themselves. */
  close(): Promise<void>;
}

/**
 * A worker id, held. Each holder of an id has a stretch of time of its own, written down before it is used: what comes after `fromMs` nobody had, and
 * what comes before `untilMs` nobody will have. So ids stay unique even when clocks of hosts differ, go back, or a holder wakes up after its lease ended.
 * @plugin
 */
export interface WorkerClaim {
  /** 0 to 1023. */
  readonly id: number;
  /** Unix milliseconds, the first that may be used. */
  readonly fromMs: number;
  /** Unix milliseconds, exclusive; moves on with each renewal. */
  untilMs(): number;
  /** Aborts when somebody else may have the id; its reason is an Error that says why. */
  readonly lost: AbortSignal;
  /** Gives it back; `usedMs` is the latest millisecond that was used, so that the next holder need not wait for `untilMs`. */
  release(usedMs?: number): Promise<void>;
}
