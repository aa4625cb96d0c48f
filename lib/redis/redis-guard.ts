import { currentContext, type AbortListener, type RpcContext } from '../common/call-context.js';
import type { Clock } from '../common/clock.js';
import { rpcError } from '../common/error-catalog.js';
import type { RpcError } from '../common/rpc-error.js';
import { commandError, unavailable } from './redis-errors.js';
import type { RedisClient } from './redis-vendor.js';

/** What the guard needs of a command of ioredis. */
interface Command {
  readonly name: string;
  readonly promise: Promise<unknown>;
  resolve(value: unknown): unknown;
  reject(error: Error): void;
}
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

/** Wait for something to happen, not for the server. */
const BLOCKING: ReadonlySet<string> = new Set(['blpop', 'brpop', 'brpoplpush', 'blmove', 'blmpop', 'bzpopmin', 'bzpopmax', 'bzmpop', 'xread', 'xreadgroup', 'wait', 'waitaof']);
/** Sent by ioredis itself while it makes a connection ready. */
const HANDSHAKE: ReadonlySet<string> = new Set(['auth', 'hello', 'select', 'client', 'readonly', 'info', 'cluster']);
/** Replies that are owed: beyond it the server does not keep up, or is a black hole. */
const MAX_PENDING = 50_000;

/**
 * Stands in the way of each command of a client: gives it the deadline and the cancellation of the call that it is part of, a time limit of its own,
 * a bound on what waits, and one error (UNAVAILABLE) for all that is no answer. What was on its way when the connection was lost fails; ioredis would
 * send it again, or leave it without an end.
 */
export class RedisGuard {
  private readonly pending = new Map<Command, PendingCommand>();
  private readonly streams = new WeakMap<object, RpcError | false>();
  private readonly original: Send;
  private waiting = 0;
  private blocked = 0;

  constructor(
    private readonly client: RedisClient,
    readonly options: GuardOptions,
  ) {
    this.original = (client.sendCommand as unknown as Send).bind(client);
    Object.defineProperty(client, 'sendCommand', { value: this.send.bind(this), writable: true, configurable: true });
    client.on('close', () => this.lost());
  }

  /** A command that may take as long as it likes holds the connection. */
  get isBlocked(): boolean {
    return this.blocked > 0;
  }

  private get isReady(): boolean {
    return this.client.status === 'ready';
  }

  private send(command: Command, stream?: object, node?: unknown): Promise<unknown> {
    const known = this.pending.get(command);
    if (known !== undefined) {
      // It has waited, and goes out now.
      this.written(known);
    } else if (this.isReady || !HANDSHAKE.has(command.name.toLowerCase())) {
      const refusal = this.refusal(stream);
      if (refusal !== undefined) {
        command.reject(refusal);
        return command.promise;
      }
      this.take(command);
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
    const { name, queue, why } = this.options;
    const aborted = callOf()?.abortError;
    if (aborted !== undefined) return aborted;
    if (this.pending.size >= MAX_PENDING) return unavailable(name, `${MAX_PENDING} commands wait for their replies`);
    if (this.isReady || this.waiting < queue) return undefined;
    const cause = why();
    return unavailable(name, `not connected${cause === undefined ? '' : ` (${cause})`}${queue > 0 ? `, and ${queue} commands wait already` : ''}`);
  }

  private take(command: Command): void {
    const entry = new PendingCommand(command, this.options, (done) => this.settled(command, done));
    this.pending.set(command, entry);
    if (this.isReady) entry.isWritten = true;
    else this.waiting++;
    entry.isWaiting = !this.isReady;
    if (entry.isBlocking) this.blocked++;
  }

  private written(entry: PendingCommand): void {
    if (entry.isWaiting) this.waiting--;
    entry.isWaiting = false;
    entry.isWritten = true;
  }

  private settled(command: Command, entry: PendingCommand): void {
    this.pending.delete(command);
    if (entry.isWaiting) this.waiting--;
    if (entry.isBlocking) this.blocked--;
  }

  private lost(): void {
    const why = this.options.why();
    for (const entry of [...this.pending.values()]) {
      if (entry.isWritten) entry.fail(unavailable(this.options.name, `${entry.name}: the connection was lost before the reply; it may have run${why === undefined ? '' : ` (${why})`}`));
    }
  }
}

/** One command until its end, whichever comes first: reply, error, time limit, end of the call. */
class PendingCommand implements AbortListener {
  readonly isBlocking: boolean;
  isWaiting = false;
  isWritten = false;
  private readonly refuse: (error: Error) => void;
  private readonly cancel: (() => void) | undefined;
  private readonly call: RpcContext | undefined;
  private done = false;

  constructor(
    command: Command,
    private readonly options: GuardOptions,
    private readonly onEnd: (entry: PendingCommand) => void,
  ) {
    this.name = command.name.toUpperCase();
    this.isBlocking = BLOCKING.has(command.name.toLowerCase());
    const resolve = command.resolve.bind(command);
    this.refuse = command.reject.bind(command);
    command.resolve = (value) => {
      this.end();
      return resolve(value);
    };
    command.reject = (error) => this.fail(commandError(options.name, this.name, error));
    const { commandTimeoutMs, clock } = options;
    if (commandTimeoutMs > 0 && !this.isBlocking) this.cancel = clock.after(commandTimeoutMs, () => this.late());
    this.call = callOf();
    this.call?.adopt(this);
  }

  readonly name: string;

  aborted(error: RpcError): void {
    this.fail(error);
  }

  fail(error: Error): void {
    if (this.done) return;
    this.end();
    this.refuse(error);
  }

  private late(): void {
    const { name, commandTimeoutMs } = this.options;
    this.fail(rpcError('DEADLINE_EXCEEDED', `${name}: no reply to ${this.name} within ${commandTimeoutMs} ms (commandTimeoutMs); it may still run`));
  }

  private end(): void {
    if (this.done) return;
    this.done = true;
    this.cancel?.();
    this.call?.children?.delete(this);
    this.onEnd(this);
  }
}

/** The call that is being served; work that goes on after it has no deadline of it. */
function callOf(): RpcContext | undefined {
  const context = currentContext();
  return context === undefined || context.ended ? undefined : context;
}
