import type { Clock, RandomSource } from '../../common/clock.js';
import type { HealthReport } from '../../common/lifecycle.js';
import type { Logger } from '../../common/logger.js';
import type { ManagedDataSource } from './managed-data-source.js';

/** A database of a process, from its start to its end. */
export interface ManagedDatabase {
  readonly source: ManagedDataSource;
  /** @throws BootError DATABASE_UNREACHABLE, unless it may come later */
  open(): Promise<void>;
  /** @param signal aborts when the time for it is over */
  close(signal?: AbortSignal): Promise<void>;
  health(): HealthReport;
}

/** What the app lends. */
export interface DatabaseTools {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
}
