import type { Clock } from '../../common/clock.js';
import { rpcError } from '../../common/error-catalog.js';
import type { Logger } from '../../common/logger.js';
import { messageOf } from '../../common/message-of.js';

/** What a flusher works with. */
export interface FlusherOptions {
  readonly database: string;
  readonly durability: 'commit' | 'relaxed';
  /** The content as of the last commit. Called between transactions only. */
  readonly snapshot: () => Uint8Array;
  /** Runs `work` when no transaction is open, before others that wait. */
  readonly betweenTransactions: <T>(work: () => T) => Promise<T>;
  readonly write: (content: Uint8Array) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Round {
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** `relaxed` promises 500 ms: half of it to wait for more changes, half to write them. */
const RELAXED_WAIT_MS = 250;
const RETRY_MS = 1000;

/**
 * Brings an embedded database to the disk. One write at a time; whatever changes meanwhile goes together into the next one (group commit).
 */
export class Flusher {
  /** Changes that no write has begun for. */
  private next: Round | undefined;
  private writing: Promise<void> | undefined;
  private disarm: (() => void) | undefined;
  private problem: string | undefined;
  private closing = false;

  constructor(private readonly options: FlusherOptions) {}

  /** Why the last write failed; undefined: all is well. */
  get failure(): string | undefined {
    return this.problem;
  }

  /**
   * Something has changed; call it between transactions. Resolves when it may be acknowledged.
   * @throws RpcError DATABASE_UNSAVED
   */
  changed(): Promise<void> {
    const round = (this.next ??= newRound());
    if (this.options.durability === 'relaxed') {
      this.arm(RELAXED_WAIT_MS);
      return Promise.resolve();
    }
    // The content of right now, without waiting for a turn.
    this.writing ??= this.start(true);
    return round.done;
  }

  /** Writes what is not written. @throws RpcError DATABASE_UNSAVED */
  async close(): Promise<void> {
    this.closing = true;
    this.disarm?.();
    this.disarm = undefined;
    await this.writing;
    const left = this.next?.done;
    if (left === undefined) return;
    this.writing ??= this.start(false);
    await left;
  }

  private arm(delayMs: number): void {
    if (this.disarm !== undefined || this.writing !== undefined) return;
    this.disarm = this.options.clock.after(delayMs, () => {
      this.disarm = undefined;
      if (this.next !== undefined) this.writing ??= this.start(false);
    }, true);
  }

  private async start(isTurn: boolean): Promise<void> {
    await this.run(isTurn);
    this.writing = undefined;
    // A close that failed leaves no timer behind.
    if (this.next !== undefined && !this.closing) this.arm(this.problem === undefined ? RELAXED_WAIT_MS : RETRY_MS);
  }

  /** Writes until nothing is left. @param isTurn no transaction is open right now */
  private async run(isTurn: boolean): Promise<void> {
    const { betweenTransactions, write, durability } = this.options;
    do {
      const taken: { round?: Round } = {};
      // What changes from now on belongs to the next round.
      const take = (): Uint8Array => {
        taken.round = this.begin();
        return this.options.snapshot();
      };
      try {
        await write(isTurn ? take() : await betweenTransactions(take));
        this.succeeded(taken.round);
      } catch (error) {
        this.failed(taken.round ?? this.begin(), error);
        break;
      }
      isTurn = false;
    } while (this.next !== undefined && durability === 'commit');
  }

  private begin(): Round | undefined {
    const round = this.next;
    this.next = undefined;
    return round;
  }

  private succeeded(round: Round | undefined): void {
    const { database, logger } = this.options;
    if (this.problem !== undefined) logger.info(`database '${database}' is on the disk again`);
    this.problem = undefined;
    round?.resolve();
  }

  private failed(round: Round | undefined, cause: unknown): void {
    const { database, logger } = this.options;
    this.problem = messageOf(cause);
    logger.error(`database '${database}' cannot be written to the disk: ${this.problem}; the changes are in memory, trying again`);
    round?.reject(rpcError('DATABASE_UNSAVED', `database '${database}' has the change in memory and could not write it to the disk; it is lost if the process ends before that succeeds`, { cause }));
    // What waits for the write after this one needs it all the more.
    this.next ??= newRound();
  }
}

function newRound(): Round {
  let settle: Pick<Round, 'resolve' | 'reject'> | undefined;
  const done = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  // Relaxed changes have nobody who waits.
  done.catch(() => {});
  return { done, ...settle! };
}
