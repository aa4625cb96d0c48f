import { WORKER_IDS } from '../common/snowflake.js';
import type { WorkerClaim, WorkerIds } from '../common/worker-ids.js';
import { sharedController } from './linked-signal.js';

/**
 * Worker ids of one process: the reference, for tests and for apps that are alone. Apps of one process share the instance.
 * @public
 */
export function memoryWorkerIds(): WorkerIds {
  return new MemoryWorkerIds();
}

class MemoryWorkerIds implements WorkerIds {
  readonly name = 'memory';
  private readonly held = new Set<number>();
  /** First millisecond that the former holder of an id did not use. */
  private readonly from = new Map<number, number>();

  async claim(signal?: AbortSignal): Promise<WorkerClaim> {
    signal?.throwIfAborted();
    for (let id = 0; id < WORKER_IDS; id++) {
      if (this.held.has(id)) continue;
      this.held.add(id);
      return {
        id,
        fromMs: this.from.get(id) ?? 0,
        untilMs: () => Infinity,
        lost: sharedController().signal,
        release: async (usedMs = Date.now()) => {
          this.from.set(id, usedMs + 1);
          this.held.delete(id);
        },
      };
    }
    throw new Error(`all ${WORKER_IDS} worker ids of this process are taken; release those that are no longer used`);
  }

  async close(): Promise<void> {}
}
