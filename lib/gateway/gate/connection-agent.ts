import type { Clock } from '../../common/clock.js';
import { DeadlineEntry, DeadlineQueue } from '../../common/deadline-queue.js';
import type { AgentHost, AgentSettings, GateAgent, PushMessage } from './agent.js';
import type { ByteConnection, CloseReason } from './connection.js';

/**
 * What agents have in common whatever they speak: the time in which a client must say who it is, the silence it may keep, one end. An agent of your own may extend it.
 * @plugin
 */
export abstract class ConnectionAgent extends DeadlineEntry implements GateAgent {
  protected stage: 'new' | 'admitting' | 'open' | 'over' = 'new';
  private seenAt: number;
  private isPaused = false;
  private idleMs = Infinity;
  private readonly deadlines: DeadlineQueue;

  constructor(
    protected readonly connection: ByteConnection,
    protected readonly host: AgentHost,
    protected readonly settings: AgentSettings,
    private readonly clock: Clock,
  ) {
    super();
    this.seenAt = clock.now();
    this.deadlines = settings.deadlines ?? connectionDeadlines(clock);
    this.deadlines.add(this, this.seenAt + settings.connectTimeoutMs);
  }

  /** Bytes from the client; never called after the end. Calls {@link seen} for each whole message, for half of one is no sign of life. */
  protected abstract onData(chunk: Uint8Array): void;

  abstract push(message: PushMessage): void;

  get queuedBytes(): number {
    return this.connection.queuedBytes;
  }

  start(): void {
    this.connection.listen(
      (chunk) => {
        if (this.isOver) return;
        try {
          this.onData(chunk);
        } catch (error) {
          // Of the agent itself: nobody else's connection is to end with it.
          this.host.failed(error);
          this.close('protocol');
        }
      },
      (reason) => this.over(reason),
    );
  }

  close(reason: CloseReason): void {
    if (this.isOver) return;
    this.over(reason);
    this.connection.end(reason);
  }

  pause(): void {
    this.isPaused = true;
    this.connection.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.seen();
    this.connection.resume();
  }

  /** Sends what is no push. A client that asks and asks, and takes no answer, is cut off. */
  protected reply(bytes: Uint8Array): void {
    if (this.isOver) return;
    if (this.connection.queuedBytes > this.settings.outboundBytes) return this.close('slow');
    this.connection.write(bytes);
  }

  /** The client has said something: its silence begins anew. */
  protected seen(): void {
    this.seenAt = this.clock.now();
  }

  protected get isOver(): boolean {
    return this.stage === 'over';
  }

  /** The client is in. @param idleMs how long it may be silent; Infinity: for ever */
  protected opened(idleMs: number): void {
    this.stage = 'open';
    this.idleMs = idleMs;
    this.watch();
  }

  /** The end, whoever brought it about: once. */
  protected over(reason: CloseReason): void {
    if (this.isOver) return;
    this.stage = 'over';
    this.deadlines.remove(this);
    this.host.ended(reason);
  }

  /** @internal */
  onDeadline(): void {
    if (this.stage !== 'open') return this.close('timeout');
    // While the gate does not read, nobody is silent.
    if (this.isPaused) this.seen();
    if (this.clock.now() - this.seenAt >= this.idleMs) this.close('timeout');
    else this.watch();
  }

  /** One deadline at a time, whatever comes in: it looks when it passes. */
  private watch(): void {
    this.deadlines.remove(this);
    if (this.idleMs !== Infinity) this.deadlines.add(this, this.seenAt + this.idleMs);
  }
}

/** Keepalives and timeouts are of seconds. */
const GRANULARITY_MS = 50;

/** Deadlines for many connections; they keep no process alive. */
export function connectionDeadlines(clock: Clock): DeadlineQueue {
  return new DeadlineQueue(clock, GRANULARITY_MS, false);
}
