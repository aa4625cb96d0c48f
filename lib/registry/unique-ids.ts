import { Backoff } from '../common/backoff.js';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../common/clock.js';
import { rpcError } from '../common/error-catalog.js';
import type { AppPart, HealthReport } from '../common/lifecycle.js';
import { silentLogger, type Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';
import { Snowflake } from '../common/snowflake.js';
import type { WorkerClaim, WorkerIds } from '../common/worker-ids.js';

/** What unique ids are made with. @public */
export interface UniqueIdsOptions {
  /** Who hands out worker ids: `memoryWorkerIds()`, `etcdWorkerIds()`, `consulWorkerIds()`. */
  workers: WorkerIds;
  /** Where time begins, Unix milliseconds; the same for all who share ids. @default hrpc's, 15 August 2020 */
  epochMs?: number;
  /** @default silent */
  logger?: Logger;
  /** For tests. @default the machine's */
  clock?: Clock;
  /** For tests. @default the machine's */
  random?: RandomSource;
}

/**
 * Ids that no other process makes, and that this one makes once. Start it with the app (`parts: [ids]`), or by hand.
 * @public
 */
export function uniqueIds(options: UniqueIdsOptions): UniqueIds {
  return new UniqueIds(options);
}

/**
 * Holds a worker id and counts with it. When the claim is lost it makes no ids until there is another: `next()` throws, health is down.
 * @public
 */
export class UniqueIds implements AppPart {
  readonly name = 'unique ids';
  readonly phase = 'resource';
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly stopping = new AbortController();
  private held: { readonly claim: WorkerClaim; readonly snowflake: Snowflake } | undefined;
  private starting: Promise<void> | undefined;
  private running: Promise<void> | undefined;
  private why = 'start() was not called';

  constructor(private readonly options: UniqueIdsOptions) {
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? silentLogger;
  }

  /** Claims a worker id. Resolves after the first try; when that failed it goes on trying, and health says why. */
  async start(signal?: AbortSignal): Promise<void> {
    this.starting ??= new Promise((resolve) => (this.running = this.hold(resolve)));
    // Given up before there was an answer. Later aborts are no business of ours: work that drains still needs ids.
    const giveUp = () => this.stopping.abort();
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted) giveUp();
    await this.starting;
    signal?.removeEventListener('abort', giveUp);
    signal?.throwIfAborted();
  }

  /**
   * The next id: 63 bits, rising while the worker id is the same. `String(id)` for JSON; as a number it would lose digits.
   * @throws RpcError UNIQUE_IDS_UNAVAILABLE while there is no worker id
   */
  next(): bigint {
    if (this.held === undefined) throw rpcError('UNIQUE_IDS_UNAVAILABLE', `no unique ids now: ${this.why}`);
    return this.held.snowflake.next(this.held.claim.untilMs());
  }

  /** 0 to 1023; undefined while there is none. */
  get workerId(): number | undefined {
    return this.held?.claim.id;
  }

  health(): HealthReport {
    return this.held === undefined ? { status: 'down', detail: `no worker id: ${this.why}` } : { status: 'up' };
  }

  /** Gives the worker id back. Final. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.options.workers.close();
  }

  private async hold(tried: () => void): Promise<void> {
    const { signal } = this.stopping;
    const backoff = new Backoff(this.clock, this.options.random ?? systemRandom, { baseMs: 400, maxMs: 5000 });
    while (!signal.aborted) {
      const claim = await this.claim(signal);
      tried();
      if (claim !== undefined) {
        backoff.reset();
        await either(claim.lost, signal);
        const { snowflake } = this.held!;
        this.held = undefined;
        if (signal.aborted) await claim.release(snowflake.lastMs).catch((cause: unknown) => this.logger.warn(`worker id ${claim.id} could not be given back, it runs out by itself: ${messageOf(cause)}`));
        else this.refuse(`worker id ${claim.id} was lost (${messageOf(claim.lost.reason)}); another is claimed`);
      }
      if (!signal.aborted) await backoff.wait(signal);
    }
    this.why = 'they are stopped';
    // A start after the stop has nothing to wait for.
    tried();
  }

  private async claim(signal: AbortSignal): Promise<WorkerClaim | undefined> {
    const { workers, epochMs } = this.options;
    try {
      const claim = await workers.claim(signal);
      this.held = { claim, snowflake: new Snowflake({ workerId: claim.id, fromMs: claim.fromMs, wall: () => this.clock.wall(), ...(epochMs !== undefined && { epochMs }) }) };
      this.logger.info(`worker id ${claim.id} of ${workers.name} is ours`);
      return claim;
    } catch (cause) {
      if (!signal.aborted) this.refuse(`no worker id could be claimed (${messageOf(cause)}); it is tried again`);
      return undefined;
    }
  }

  private refuse(why: string): void {
    if (this.why !== why) this.logger.warn(`unique ids: ${why}`);
    this.why = why;
  }
}

function either(a: AbortSignal, b: AbortSignal): Promise<void> {
  if (a.aborted || b.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      a.removeEventListener('abort', done);
      b.removeEventListener('abort', done);
      resolve();
    };
    a.addEventListener('abort', done);
    b.addEventListener('abort', done);
  });
}
