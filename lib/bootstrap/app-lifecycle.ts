import type { AppEngine, StartOptions } from './app-engine.js';
import type { HookedApp } from './app-hooks.js';
import { listenToSignals } from './app-signals.js';
import type { Container } from './container.js';
import type { PreparedApp } from './prepare-app.js';
import { afterDeadline, within } from './time-limits.js';

/** What a lifecycle leads. */
export interface LifecycleOptions {
  readonly prepared: PreparedApp;
  readonly engine: AppEngine;
  /** For hooks. */
  readonly app: HookedApp;
  /** Undefined before Nest has built it. */
  readonly container: () => Container | undefined;
  /** SIGHUP. */
  readonly reload: () => Promise<unknown>;
}

/**
 * The one start and the one stop of an app, however often and by whom they are asked for, and what becomes of each when the other comes in between.
 * The steps themselves are the engine's.
 */
export class AppLifecycle {
  private startPromise: Promise<void> | undefined;
  /** Ends before the stop that it causes; {@link startPromise} after it. */
  private starting: Promise<void> | undefined;
  private drainPromise: Promise<void> | undefined;
  private stopPromise: Promise<void> | undefined;
  private isStarting = false;
  private hasStarted = false;
  /** A start, or a `run()`, came to nothing. */
  private hasFailed = false;
  private releaseSignals: (() => void) | undefined;
  private readonly deadline = new AbortController();
  private readonly settle: { resolve: () => void; reject: (error: unknown) => void };
  /** Settles when the app has stopped, as {@link stop} does. */
  readonly closed: Promise<void>;

  constructor(private readonly options: LifecycleOptions) {
    let settle: typeof this.settle | undefined;
    this.closed = new Promise((resolve, reject) => (settle = { resolve, reject }));
    this.closed.catch(() => {});
    this.settle = settle!;
  }

  /** A stop has begun. */
  get isStopping(): boolean {
    return this.drainPromise !== undefined;
  }

  /** The start that is under way or over; undefined before. */
  get started(): Promise<void> | undefined {
    return this.startPromise;
  }

  /** @throws whatever kept it from starting, after everything that had started is stopped again */
  start(options: StartOptions): Promise<void> {
    // It was ready once: that promise would say that it is. A start that failed goes on saying why.
    if (this.hasStarted && this.isStopping) return this.doStart(options);
    return (this.startPromise ??= this.startedOrStopped(options));
  }

  private async startedOrStopped(options: StartOptions): Promise<void> {
    this.starting = this.doStart(options);
    try {
      await this.starting;
    } catch (error) {
      // A stop that interrupted it, or a run() that failed: the rest is being closed.
      await this.stopPromise?.catch(() => {});
      throw error;
    }
  }

  private async doStart(options: StartOptions): Promise<void> {
    if (this.drainPromise ?? this.stopPromise) throw new Error('the app is stopped; create a new one');
    const { engine, app, prepared } = this.options;
    const { hooks } = prepared.options;
    this.isStarting = true;
    engine.moveTo('starting');
    try {
      await engine.step('hook beforeStart', () => hooks?.beforeStart?.(app));
      await engine.start(options);
      await hooks?.afterStart?.(app);
      this.hasStarted = true;
    } catch (error) {
      this.isStarting = false;
      // A stop that interrupted this start waits for it: waiting for the stop here would be for ever.
      if ((this.drainPromise ?? this.stopPromise) === undefined) {
        this.hasFailed = true;
        await this.stop().catch(() => {});
      }
      throw error;
    } finally {
      this.isStarting = false;
    }
  }

  /** @throws AggregateError of everything that went wrong; it has stopped all the same */
  stop(): Promise<void> {
    if (this.stopPromise === undefined) {
      this.stopPromise = this.doStop();
      this.stopPromise.then(this.settle.resolve, this.settle.reject);
    }
    return this.stopPromise;
  }

  private async doStop(): Promise<void> {
    const { engine, app, container, prepared } = this.options;
    const { hooks } = prepared.options;
    await this.drain();
    const closing = afterDeadline(prepared.clock, this.deadline.signal);
    await engine.tried('close modules', async () => {
      const built = container();
      if (built !== undefined) await within(built.close(), closing.signal, 'destroy hooks did not end in time');
    });
    await engine.close(closing.signal);
    // Not by its part: it is open from before the start.
    await engine.tried('close config', () => within(prepared.live.close(), closing.signal, 'a config source did not close in time'));
    closing.cancel();
    engine.moveTo(this.hasFailed ? 'failed' : 'stopped');
    await engine.hooked('afterStop', () => hooks?.afterStop?.(app), this.deadline.signal);
    await engine.hooked('onExit', () => hooks?.onExit?.(), this.deadline.signal);
    this.releaseSignals?.();
    this.deadline.abort();
    const failure = engine.takeFailure();
    if (failure) throw failure;
  }

  /** The part of stopping that comes before Nest's first destroy hook. */
  drain(): Promise<void> {
    return (this.drainPromise ??= this.doDrain());
  }

  private async doDrain(): Promise<void> {
    const { engine, app, prepared } = this.options;
    const { clock, options, live } = prepared;
    const cancel = clock.after(live.config.killWaitMs, () => this.deadline.abort(new Error('killWaitMs is over')), true);
    this.deadline.signal.addEventListener('abort', cancel, { once: true });
    const wasRunning = engine.state === 'ready';
    if (this.isStarting) {
      engine.interrupt(new Error('the app was stopped while it started'));
      await engine.tried('end of start', () => within(this.starting!.catch(() => {}), this.deadline.signal, 'start() did not return after it was interrupted'));
    }
    if (wasRunning) await engine.hooked('beforeStop', () => options.hooks?.beforeStop?.(app), this.deadline.signal);
    await engine.drain(this.deadline.signal);
  }

  enableShutdownHooks(signals: readonly NodeJS.Signals[]): void {
    this.releaseSignals ??= listenToSignals(signals, {
      logger: this.options.prepared.logger,
      stop: () => this.stopped(),
      reload: this.options.reload,
    });
  }

  /** A module's `run` came to nothing: the app stops, with that error. */
  runFailed(error: unknown, type: string): void {
    const { engine, prepared } = this.options;
    this.hasFailed = true;
    prepared.logger.error(`run() of module '${type}' failed; stopping the app`, { error });
    engine.fail(`run() of module '${type}'`, error);
    if (this.isStarting) engine.interrupt(error);
    if (this.releaseSignals) void this.stopped().then((code) => process.exit(code));
    else this.stop().catch(() => {});
  }

  /** The exit code of a stop. */
  private stopped(): Promise<number> {
    return this.stop().then(
      () => (this.hasFailed ? 1 : 0),
      () => 1,
    );
  }
}
