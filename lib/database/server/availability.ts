import { Backoff } from '../../common/backoff.js';
import type { Clock, RandomSource } from '../../common/clock.js';
import type { HealthReport } from '../../common/lifecycle.js';
import type { Logger } from '../../common/logger.js';
import { messageOf } from '../../common/message-of.js';
import { RpcError } from '../../common/rpc-error.js';
import { databaseDown } from '../database-errors.js';

/** What an {@link Availability} works with. */
export interface AvailabilityOptions {
  readonly database: string;
  /** Asks the server on a connection of its own; bounded. */
  readonly probe: () => Promise<void>;
  /** Does this failure of the probe still mean that the server is there? It may be full, or refuse the password. */
  readonly isAlive: (error: unknown) => boolean;
  /** The server is back: connections of before may be dead without knowing. */
  readonly recovered: () => void;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}

/** An idle database is asked this often. */
const PROBE_EVERY_MS = 5000;
const BACKOFF = { baseMs: 100, maxMs: 1000 };

/**
 * Knows whether a server answers. Statements tell what they see; a suspicion is checked at once, and while the server is away it is asked
 * again and again, and statements fail without trying.
 */
export class Availability {
  private cause: unknown;
  private isDown = false;
  private isProbing = false;
  private answeredAt = -Infinity;
  private cancel: (() => void) | undefined;
  private readonly backoff: Backoff;
  private isClosed = true;

  constructor(private readonly options: AvailabilityOptions) {
    this.backoff = new Backoff(options.clock, options.random, BACKOFF);
  }

  get isRefusing(): boolean {
    return this.isDown;
  }

  /** @throws RpcError DATABASE_DOWN */
  refuse(): void {
    if (this.isDown) throw RpcError.is(this.cause) ? this.cause : databaseDown(this.options.database, this.cause);
  }

  health(): HealthReport {
    return this.isDown ? { status: 'down', detail: messageOf(this.cause) } : { status: 'up' };
  }

  /** From now on the server is watched. */
  open(): void {
    this.isClosed = false;
    this.later(PROBE_EVERY_MS);
  }

  /** The first connection could not be made: down until {@link up}. */
  down(cause: unknown): void {
    this.isDown = true;
    this.cause = cause;
  }

  up(): void {
    this.isDown = false;
    this.cause = undefined;
    this.backoff.reset();
  }

  /** A statement has had an answer. */
  answered(now: number): void {
    this.answeredAt = now;
  }

  /** A statement found the connection dead, or nobody answering. */
  suspect(): void {
    if (!this.isClosed && !this.isProbing && !this.isDown) void this.probe();
  }

  close(): void {
    this.isClosed = true;
    this.cancel?.();
  }

  private async probe(): Promise<void> {
    const { probe, recovered, logger, database } = this.options;
    this.cancel?.();
    this.isProbing = true;
    try {
      await probe();
      if (this.isClosed) return;
      if (this.isDown) {
        logger.info(`database '${database}' is back`);
        recovered();
      }
      this.up();
    } catch (error) {
      if (this.isClosed) return;
      const isNews = !this.isDown;
      if (!isNews || !this.options.isAlive(error)) this.down(error);
      if (isNews && this.isDown) logger.error(`database '${database}' is away: ${messageOf(error)}; calls fail until it is back`);
    } finally {
      this.isProbing = false;
    }
    this.later(this.isDown ? this.backoff.next() : PROBE_EVERY_MS);
  }

  private later(delayMs: number): void {
    this.cancel = this.options.clock.after(delayMs, () => {
      const { clock } = this.options;
      if (!this.isDown && clock.now() - this.answeredAt < PROBE_EVERY_MS) this.later(PROBE_EVERY_MS);
      else if (!this.isProbing) void this.probe();
    });
  }
}
