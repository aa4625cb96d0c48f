import type { Clock } from '../common/clock.js';
import type { HealthReport } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';

/** Reading may work while a role forbids writing. */
export type Direction = 'read' | 'write';

/** What a registry knows of its backend from its requests: for health, and for one log line when it goes and one when it is back. */
export class BackendState {
  private readonly faults = new Map<Direction, { message: string; since: number }>();
  private answered = false;

  /** @param where e.g. `etcd at 127.0.0.1:2379` */
  constructor(private readonly where: string, private readonly clock: Clock, private readonly logger: Logger) {}

  succeeded(direction: Direction): void {
    this.answered = true;
    if (this.faults.delete(direction) && this.faults.size === 0) this.logger.info(`${this.where} answers again`);
  }

  failed(direction: Direction, cause: unknown): void {
    const message = messageOf(cause);
    const known = this.faults.get(direction);
    this.faults.set(direction, { message, since: known?.since ?? this.clock.now() });
    if (known === undefined) this.logger.warn(direction === 'read' ? `${message}. The last known nodes serve meanwhile` : message);
  }

  health(): HealthReport {
    const fault = this.faults.get('write') ?? this.faults.get('read');
    if (fault === undefined) return this.answered ? { status: 'up' } : { status: 'down', detail: `${this.where} was not asked yet` };
    return { status: 'down', detail: `${fault.message} (for ${Math.round((this.clock.now() - fault.since) / 1000)} s)` };
  }
}
