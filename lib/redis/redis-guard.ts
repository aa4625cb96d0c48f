import type { Clock } from '../common/clock.js';
import type { RpcError } from '../common/rpc-error.js';
import { unavailable } from './redis-errors.js';
import { callOf, type Command, type CommandOwner, ENTRY, PendingCommand } from './redis-pending.js';
import type { RedisClient } from './redis-vendor.js';

type Send = (command: Command, stream?: object, node?: unknown) => Promise<unknown>;

export interface GuardOptions {
  /** For messages. */
  readonly name: string;
  readonly clock: Clock;
  /** 0: none. */
  readonly commandTimeoutMs: number;
  /** Commands that may wait for a connection. */
  readonly queue: number;
  /** Why there is no connection, for messages. */
  readonly why: () => string | undefined;
}

/** Sent by ioredis itself while it makes a connection ready. */
const HANDSHAKE: ReadonlySet<string> = new Set(['auth', 'hello', 'select', 'client', 'readonly', 'info', 'cluster']);
/** Replies that are owed: beyond it the server does not keep up, or is a black hole. */
const MAX_PENDING = 50_000;

/**
 * Stands in the way of each command of a client: gives it the deadline and the cancellation of the call that it is part of, a time limit of its own,
 * a bound on what waits, and one error (UNAVAILABLE) for all that is no answer. What was on its way when the connection was lost fails; ioredis would
 * send it again, or leave it without an end.
 */
export class RedisGuard implements CommandOwner {
  readonly client: string;
  readonly commandTimeoutMs: number;
  private readonly streams = new WeakMap<object, RpcError | false>();
  private readonly original: Send;
  private oldest: PendingCommand | undefined;
  private newest: PendingCommand | undefined;
  private pending = 0;
  private waiting = 0;
  private blocked = 0;
  /** A look at the oldest is due. */
  private isWatched = false;

  constructor(
    private readonly redis: RedisClient,
    private readonly options: GuardOptions,
  ) {
    this.client = options.name;
    this.commandTimeoutMs = options.commandTimeoutMs;
    this.original = (redis.sendCommand as unknown as Send).bind(redis);
    Object.defineProperty(redis, 'sendCommand', { value: this.send.bind(this), writable: true, configurable: true });
    redis.on('close', () => this.lost());
  }

  /** A command that may take as long as it likes holds the connection. */
  get isBlocked(): boolean {
    return this.blocked > 0;
  }

  now(): number {
    return this.options.clock.now();
  }

  settled(entry: PendingCommand): void {
    const { previous, next } = entry;
    if (previous === undefined) this.oldest = next;
    else previous.next = next;
    if (next === undefined) this.newest = previous;
    else next.previous = previous;
    entry.previous = entry.next = undefined;
    this.pending--;
    if (entry.isWaiting) this.waiting--;
    if (entry.isBlocking) this.blocked--;
  }

  private get isReady(): boolean {
    return this.redis.status === 'ready';
  }

  private send(command: Command, stream?: object, node?: unknown): Promise<unknown> {
    const known = command[ENTRY];
    if (known !== undefined) {
      // It has waited, and goes out now.
      if (known.isWaiting) this.waiting--;
      known.isWaiting = false;
      known.isWritten = true;
    } else if (this.isReady || !HANDSHAKE.has(command.name.toLowerCase())) {
      const refusal = this.refusal(stream);
      if (refusal !== undefined) {
        command.reject(refusal);
        return command.promise;
      }
      this.take(new PendingCommand(command, this));
    }
    return this.original(command, stream, node);
  }

  /** A pipeline is taken or refused as a whole: ioredis sends it when all of it has come. */
  private refusal(stream: object | undefined): RpcError | undefined {
    if (stream === undefined) return this.refusalNow();
    let decided = this.streams.get(stream);
    if (decided === undefined) this.streams.set(stream, (decided = this.refusalNow() ?? false));
    return decided || undefined;
  }

  private refusalNow(): RpcError | undefined {
    const { queue, why } = this.options;
    const aborted = callOf()?.abortError;
    if (aborted !== undefined) return aborted;
    if (this.pending >= MAX_PENDING) return unavailable(this.client, `${MAX_PENDING} commands wait for their replies`);
    if (this.isReady || this.waiting < queue) return undefined;
    const cause = why();
    return unavailable(this.client, `not connected${cause === undefined ? '' : ` (${cause})`}${queue > 0 ? `, and ${queue} commands wait already` : ''}`);
  }

  private take(entry: PendingCommand): void {
    entry.previous = this.newest;
    if (this.newest === undefined) this.oldest = entry;
    else this.newest.next = entry;
    this.newest = entry;
    this.pending++;
    entry.isWritten = this.isReady;
    entry.isWaiting = !entry.isWritten;
    if (entry.isWaiting) this.waiting++;
    if (entry.isBlocking) this.blocked++;
    if (!this.isWatched && this.commandTimeoutMs > 0) this.watch(entry.startedAt);
  }

  /** All have the same time, so that the oldest is the first that is late: one timer for all of them. */
  private watch(since: number): void {
    this.isWatched = true;
    this.options.clock.after(Math.max(1, since + this.commandTimeoutMs - this.now()), () => {
      this.isWatched = false;
      for (let entry = this.oldest; entry !== undefined; ) {
        const { next, isBlocking, startedAt } = entry;
        if (!isBlocking && startedAt + this.commandTimeoutMs > this.now()) return this.watch(startedAt);
        if (!isBlocking) entry.late();
        entry = next;
      }
    });
  }

  private lost(): void {
    const why = this.options.why();
    const error = (name: string): RpcError => unavailable(this.client, `${name}: the connection was lost before the reply; it may have run${why === undefined ? '' : ` (${why})`}`);
    for (let entry = this.oldest; entry !== undefined; ) {
      const { next } = entry;
      if (entry.isWritten) entry.fail(error(entry.name));
      entry = next;
    }
  }
}
