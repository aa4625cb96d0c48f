import { rpcError } from './error-catalog.js';

/** hrpc's: 15 August 2020, 06:13:39 UTC. @public */
export const SNOWFLAKE_EPOCH_MS = 1_597_472_019_000;
/** Worker ids go from 0 to this, exclusive: 10 bits. @plugin */
export const WORKER_IDS = 1024;
/** Ids of one worker in one millisecond: 12 bits. */
const PER_MILLISECOND = 4096;
/** 41 bits of milliseconds: 69 years. */
const MILLISECONDS = 2 ** 41;

/** What a {@link Snowflake} counts with. */
export interface SnowflakeOptions {
  /** 0 to 1023. Nobody else may use it in the same milliseconds. */
  readonly workerId: number;
  /** Wall clock, Unix milliseconds. */
  readonly wall: () => number;
  /** Where time begins. @default SNOWFLAKE_EPOCH_MS */
  readonly epochMs?: number;
  /** Unix milliseconds: earlier ones are not used, whatever the clock says. @default 0 */
  readonly fromMs?: number;
}

/**
 * Ids of 63 bits in hrpc's layout, `(ms - epoch) << 22 | worker << 12 | sequence`: rising, and never the same twice. Time is the wall clock as long as
 * that moves forward; when it stands (4096 ids in one millisecond) or goes back, time goes on from where it was, a millisecond per 4096 ids. No I/O,
 * no waiting.
 */
export class Snowflake {
  readonly workerId: number;
  private readonly epochMs: number;
  private last: number;
  private sequence = PER_MILLISECOND - 1;

  constructor(private readonly options: SnowflakeOptions) {
    const { workerId, epochMs = SNOWFLAKE_EPOCH_MS, fromMs = 0 } = options;
    if (!Number.isInteger(workerId) || workerId < 0 || workerId >= WORKER_IDS) throw new RangeError(`a worker id is a whole number from 0 to ${WORKER_IDS - 1}, got ${workerId}`);
    if (!Number.isInteger(epochMs)) throw new RangeError(`epochMs is a whole number of Unix milliseconds, got ${epochMs}`);
    this.workerId = workerId;
    this.epochMs = epochMs;
    this.last = Math.max(fromMs, epochMs) - 1;
  }

  /** The latest millisecond that ids were made of. */
  get lastMs(): number {
    return this.last;
  }

  /**
   * @param untilMs Unix milliseconds, exclusive: no id of this one or later
   * @throws RpcError UNIQUE_IDS_UNAVAILABLE when there is none before `untilMs`, or the clock is not within 69 years after the epoch
   */
  next(untilMs = Infinity): bigint {
    const now = Math.floor(this.options.wall());
    if (now < this.epochMs) throw rpcError('UNIQUE_IDS_UNAVAILABLE', `the clock (${new Date(now).toISOString()}) is before the epoch of unique ids; set it right`);
    const carries = now <= this.last && this.sequence === PER_MILLISECOND - 1;
    const ms = now > this.last ? now : carries ? this.last + 1 : this.last;
    if (ms >= untilMs) throw rpcError('UNIQUE_IDS_UNAVAILABLE', `worker ${this.workerId} may make ids up to ${new Date(untilMs).toISOString()}, and it is ${new Date(ms).toISOString()}: its claim was not renewed, or the clock was set forward`);
    if (ms - this.epochMs >= MILLISECONDS) throw rpcError('UNIQUE_IDS_UNAVAILABLE', `the clock (${new Date(ms).toISOString()}) is more than 69 years after the epoch of unique ids`);
    this.sequence = ms > this.last ? 0 : this.sequence + 1;
    this.last = ms;
    return (BigInt(ms - this.epochMs) << 22n) | BigInt((this.workerId << 12) | this.sequence);
  }
}
