import { Backoff } from '../../common/backoff.js';
import { BootError } from '../../common/boot-error.js';
import { sleep } from '../../common/clock.js';
import { DeadlineQueue } from '../../common/deadline-queue.js';
import { rpcError } from '../../common/error-catalog.js';
import type { HealthReport } from '../../common/lifecycle.js';
import { isConnectionError, isFull } from '../database-errors.js';
import type { ResolvedDatabase } from '../database-options.js';
import { Availability } from '../server/availability.js';
import { isAnswer, SideLine } from '../server/side-line.js';
import { cannotStart, inWords, isOfTheServer, isWorthAnotherTry } from '../server/startup-error.js';
import { typeormOptions } from './typeorm-options.js';
import type { Dialect } from './dialect.js';
import { ManagedDataSource } from './managed-data-source.js';
import type { DatabaseTools, ManagedDatabase } from './managed-database.js';
import type { RunnerConstructor } from './managed-runner.js';
import { prepareSchema } from './schema.js';
import { ServerLink } from './server-link.js';
import { serverRunner } from './server-runner.js';

/** For one question on the side: are you there, break that off. */
const SIDE_MS = 2000;
/** Waiting longer for another process that migrates is worth a line. */
const LOCK_NEWS_MS = 1000;
const RETRY = { baseMs: 200, maxMs: 5000 };

/** A database on a server: MariaDB, MySQL, PostgreSQL. */
export class ServerDatabase implements ManagedDatabase {
  readonly source: ManagedDataSource;
  private readonly link: ServerLink;
  private readonly availability: Availability;
  private readonly deadlines: DeadlineQueue;
  private readonly closing = new AbortController();

  constructor(
    private readonly settings: ResolvedDatabase,
    private readonly dialect: Dialect,
    private readonly tools: DatabaseTools,
  ) {
    const { name } = settings;
    const { clock, random, logger } = tools;
    this.deadlines = new DeadlineQueue(clock);
    const sideLine = new SideLine(
      () => dialect.open(SIDE_MS),
      (work) => this.within(SIDE_MS, work),
    );
    this.availability = new Availability({
      database: name,
      probe: () => sideLine.run('SELECT 1'),
      isAlive: (error) => isFull(error) || (isAnswer(error) && !isConnectionError(error)),
      recovered: () => this.link.age(),
      clock,
      random,
      logger,
    });
    this.link = new ServerLink(settings, dialect, this.availability, sideLine, this.deadlines, clock, logger);
    this.source = new ManagedDataSource(dialect.options(typeormOptions(settings)), name);
    const { driver } = this.source;
    const Runner = serverRunner(driver.createQueryRunner('master').constructor as RunnerConstructor, this.link, this.source);
    this.source.useRunners((mode) => new Runner(driver, mode));
  }

  async open(): Promise<void> {
    const { startup, startupWaitMs } = this.settings;
    const { clock, random } = this.tools;
    // Mistakes in entities are told even when nobody is there to connect with.
    await this.source.buildEntities();
    const until = clock.now() + (startup === 'fail' ? startupWaitMs : 0);
    const backoff = new Backoff(clock, random, RETRY);
    for (;;) {
      try {
        return await this.connect();
      } catch (error) {
        if (this.closing.signal.aborted) throw error;
        if (error instanceof BootError || !isOfTheServer(error)) throw error;
        if (startup === 'retry') return this.keepTrying(error);
        if (!isWorthAnotherTry(error) || clock.now() >= until) throw cannotStart(this.settings, error);
        await sleep(clock, Math.min(backoff.next(), Math.max(0, until - clock.now())), this.closing.signal, true);
      }
    }
  }

  health(): HealthReport {
    return this.availability.health();
  }

  async close(signal?: AbortSignal): Promise<void> {
    const stopped = rpcError('APP_STOPPED', `database '${this.settings.name}' is closed: the app has stopped`);
    this.closing.abort(stopped);
    this.availability.close();
    this.availability.down(stopped);
    await this.link.close(stopped);
    if (this.source.isInitialized) await this.within(undefined, this.source.destroy(), signal);
    this.deadlines.close();
  }

  private async connect(): Promise<void> {
    this.closing.signal.throwIfAborted();
    await this.link.settingUp(() => this.setUp());
    this.availability.up();
    this.availability.open();
  }

  private async setUp(): Promise<void> {
    const { source, link, settings } = this;
    const connecting = source.initialize();
    try {
      await this.within(settings.connectTimeoutMs * 2, connecting);
    } catch (error) {
      // The pool of a try that came too late would stay.
      connecting.then(() => source.destroy()).catch(() => {});
      throw error;
    }
    try {
      this.closing.signal.throwIfAborted();
      this.dialect.onConnection(source, (connection) => link.made(connection));
      await prepareSchema(settings, source, this.tools.logger, () => this.lock());
      const odd = await this.dialect.warning(source);
      if (odd !== undefined) this.tools.logger.warn(odd);
    } catch (error) {
      await source.destroy().catch(() => {});
      throw error;
    }
  }

  /** Only one process at a time changes tables. Others wait for as long as that takes, and say so. */
  private async lock(): Promise<() => void> {
    const { name, connectTimeoutMs } = this.settings;
    const { clock, logger } = this.tools;
    const connection = await this.dialect.open(connectTimeoutMs);
    const cancel = clock.after(LOCK_NEWS_MS, () => logger.warn(`database '${name}': another process changes its tables; the start waits for it`));
    try {
      await this.within(undefined, connection.query(this.dialect.lockSql), this.closing.signal);
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      cancel();
    }
    return () => connection.destroy();
  }

  private keepTrying(first: unknown): void {
    const { name } = this.settings;
    const { clock, random } = this.tools;
    const backoff = new Backoff(clock, random, RETRY);
    const { signal } = this.closing;
    const failed = (error: unknown, attempt: number): void => {
      const detail = inWords(this.settings, error);
      this.availability.down(new Error(detail));
      if (attempt <= 3 || attempt % 8 === 0) this.tools.logger.warn(`database '${name}' is not there yet: ${detail}; the app goes on and tries again`, { attempt });
    };
    failed(first, 1);
    const tries = async (): Promise<void> => {
      for (let attempt = 2; !signal.aborted; attempt++) {
        await sleep(clock, backoff.next(), signal);
        if (signal.aborted) return;
        try {
          await this.connect();
          return this.tools.logger.info(`database '${name}' is there`);
        } catch (error) {
          if (signal.aborted) return;
          failed(error, attempt);
        }
      }
    };
    void tries();
  }

  /** @param ms undefined: no limit but the signal's */
  private within<T>(ms: number | undefined, work: Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`no answer within ${ms} ms`));
      const aborted = (): void => reject(signal!.reason as Error);
      const cancel = ms === undefined ? () => {} : this.tools.clock.after(ms, late, true);
      if (signal?.aborted) aborted();
      else signal?.addEventListener('abort', aborted, { once: true });
      work.then(resolve, reject).finally(() => {
        cancel();
        signal?.removeEventListener('abort', aborted);
      });
    });
  }
}
