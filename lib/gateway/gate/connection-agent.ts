import type { Clock } from '../../common/clock.js';
import type { AgentHost, AgentSettings, GateAgent, PushMessage } from './agent.js';
import type { ByteConnection, CloseReason } from './connection.js';

/**
 * What agents have in common whatever they speak: the time in which a client must say who it is, the silence it may keep, one end. An agent of your own may extend it.
 * @plugin
 */
export abstract class ConnectionAgent implements GateAgent {
  protected stage: 'new' | 'admitting' | 'open' | 'over' = 'new';
  private seenAt: number;
  private isPaused = false;
  private idleMs = Infinity;
  private cancelTimer: () => void;

  constructor(
    protected readonly connection: ByteConnection,
    protected readonly host: AgentHost,
    protected readonly settings: AgentSettings,
    private readonly clock: Clock,
  ) {
    this.seenAt = clock.now();
    this.cancelTimer = clock.after(settings.connectTimeoutMs, () => this.close('timeout'));
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
        if (!this.isOver) this.onData(chunk);
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

  /** The client has said something: its silence begins anew. */
  protected seen(): void {
    this.seenAt = this.clock.now();
  }

  protected get isOver(): boolean {
    return this.stage === 'over';
  }

  /** The client is in. @param idleMs how long it may be silent; Infinity: for ever */
  protected opened(idleMs: number): void {
    this.cancelTimer();
    this.stage = 'open';
    this.idleMs = idleMs;
    this.watch();
  }

  /** The end, whoever brought it about: once. */
  protected over(reason: CloseReason): void {
    if (this.isOver) return;
    this.stage = 'over';
    this.cancelTimer();
    this.host.ended(reason);
  }

  /** One timer at a time, whatever comes in: it looks when it fires. */
  private watch(): void {
    if (!Number.isFinite(this.idleMs)) return;
    // While the gate does not read, nobody is silent.
    if (this.isPaused) this.seen();
    const silent = this.clock.now() - this.seenAt;
    if (silent >= this.idleMs) return this.close('timeout');
    this.cancelTimer = this.clock.after(this.idleMs - silent, () => this.watch());
  }
}
