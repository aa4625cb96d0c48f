import type { Clock } from '../common/clock.js';
import type { HealthReport } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';
import { linkSignals, sharedController } from './linked-signal.js';

/** Reading may work while a role forbids writing. */
export type Direction = 'read' | 'write';

/** What a backend is reached with. */
export interface RegistryBackendInit<Client> {
  /** e.g. `etcd at 127.0.0.1:2379` */
  readonly where: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called at first use, and again after it failed: the package may be missing. */
  readonly open: () => Promise<Client>;
}

/** The server behind a registry: its client, opened at first use, and what requests tell of it, for health and for one log line when it goes and one when it is back. */
export class RegistryBackend<Client extends { close(): void }> {
  private readonly ending = sharedController();
  private readonly faults = new Map<Direction, { message: string; since: number }>();
  private answered = false;
  private opening: Promise<Client> | undefined;

  constructor(private readonly init: RegistryBackendInit<Client>) {}

  /** Aborts when the registry is closed. */
  get ended(): AbortSignal {
    return this.ending.signal;
  }

  readonly client = (): Promise<Client> => {
    this.ended.throwIfAborted();
    this.opening ??= this.init.open().catch((cause: unknown) => {
      this.opening = undefined;
      throw cause;
    });
    return this.opening;
  };

  /** One request, which ends with `signal` and with the registry. Whether it went well counts for health. */
  async ask<T>(direction: Direction, signal: AbortSignal | undefined, work: (client: Client, until: AbortSignal) => Promise<T>): Promise<T> {
    const { signal: until, unlink } = linkSignals(signal, this.ended);
    try {
      const result = await work(await this.client(), until);
      this.succeeded(direction);
      return result;
    } catch (cause) {
      // Given up by us (closed, caller's abort): says nothing of the backend.
      if (!until.aborted) this.failed(direction, cause);
      throw cause;
    } finally {
      unlink();
    }
  }

  succeeded(direction: Direction): void {
    this.answered = true;
    if (this.faults.delete(direction) && this.faults.size === 0) this.init.logger.info(`${this.init.where} answers again`);
  }

  failed(direction: Direction, cause: unknown): void {
    if (this.ended.aborted) return;
    const { clock, logger } = this.init;
    const message = messageOf(cause);
    const known = this.faults.get(direction);
    this.faults.set(direction, { message, since: known?.since ?? clock.now() });
    if (known === undefined) logger.warn(direction === 'read' ? `${message}. The last known nodes serve meanwhile` : message);
  }

  health(): HealthReport {
    const fault = this.faults.get('write') ?? this.faults.get('read');
    if (fault === undefined) return this.answered ? { status: 'up' } : { status: 'down', detail: `${this.init.where} was not asked yet` };
    return { status: 'down', detail: `${fault.message} (for ${Math.round((this.init.clock.now() - fault.since) / 1000)} s)` };
  }

  async close(): Promise<void> {
    this.ending.abort(new Error(`the registry ${this.init.where} is closed`));
    await this.opening?.then((client) => client.close(), () => {});
  }
}
