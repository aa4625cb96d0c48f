import { BootError } from '../common/boot-error.js';
import { sleep, type Clock, type RandomSource } from '../common/clock.js';
import { events } from '../common/events.js';
import type { AppPart, AppState, HealthReport, Phase } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import { messageOf } from '../common/message-of.js';
import type { Registry } from '../registry/registry.js';
import type { Transport } from '../rpc/transport.js';
import { endpointsOf, healthOf } from './app-parts.js';
import { connectTransport } from './connect-transport.js';
import type { RpcRuntime } from './rpc-runtime.js';
import { limited, within } from './time-limits.js';

/** A module's `run`. */
export interface RunnableModule {
  readonly type: string;
  run(signal: AbortSignal): Promise<void> | void;
}

/** What an engine drives. */
export interface EngineOptions {
  readonly runtime: RpcRuntime;
  readonly transport: Transport;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly name: string;
  readonly graceMs: () => number;
  /** Found in the container once it exists. */
  readonly parts: () => readonly AppPart[];
  readonly runs: () => readonly RunnableModule[];
  /** Binds handlers: the first step of start. */
  readonly bind: () => Promise<void> | void;
  /** A module's `run` rejected: the app should stop with that error. */
  readonly onRunFailed: (error: unknown, type: string) => void;
}

/** How to start. @public */
export interface StartOptions {
  /** Give up at the first refusal of transport or registry instead of trying until they are there. @default false */
  failFast?: boolean;
  /** Hold the process while the app runs, also when no socket does. @default true */
  keepAlive?: boolean;
}

/** How long the registry may take to answer at all, before the container is built. */
const REACH_WAIT_MS = 3000;
/** How long start waits for the registry to take the nodes before it goes on without; registration goes on behind. */
const REGISTER_WAIT_MS = 3000;
/** Deregistration must not use up the time that calls in flight need. */
const WITHDRAW_WAIT_MS = 3000;
const LONGEST_TIMER_MS = 0x7fffffff;

/**
 * The steps of starting and stopping, in the order of DESIGN section 5, without any container: `start`, `drain` (everything before the
 * container's destroy hooks), `close` (everything after). Each is safe in a half-started state.
 */
export class AppEngine {
  private current: AppState = 'created';
  private readonly running = new AbortController();
  private readonly starting = new AbortController();
  private readonly started: AppPart[] = [];
  private runsDone: Promise<void> = Promise.resolve();
  private release: () => void = () => {};
  private opened = false;
  private advertised = false;
  private isClosed = false;
  private readonly failures: unknown[] = [];

  constructor(private readonly options: EngineOptions) {
    options.runtime.endpoints = (node) => endpointsOf(this.started, node);
  }

  get state(): AppState {
    return this.current;
  }

  /** True only while every part is up and the app is neither starting nor stopping. */
  get isReady(): boolean {
    return this.current === 'ready' && this.health().every((part) => part.status === 'up');
  }

  /** True while calls are answered: see AppHealth. */
  get isServing(): boolean {
    if (!this.advertised || (this.current !== 'starting' && this.current !== 'ready')) return false;
    return this.options.transport.health().status === 'up' && this.partsHealth().every(({ status }) => status === 'up');
  }

  private partsHealth(): ({ name: string } & HealthReport)[] {
    return this.started.flatMap((part) => (part.health ? [{ name: part.name, ...healthOf(part) }] : []));
  }

  health(): ({ name: string } & HealthReport)[] {
    const parts = this.partsHealth();
    return this.opened ? [...this.options.runtime.health(), ...parts] : parts;
  }

  /** A part that runs already. One that comes when all has ended, of a container that could not be built, ends at once. */
  adopt(part: AppPart): void {
    if (this.isClosed) void this.tried(`stop part ${part.name}`, () => part.stop?.(AbortSignal.abort()));
    else this.started.push(part);
  }

  moveTo(state: AppState): void {
    const from = this.current;
    this.current = state;
    if (events.state.hasSubscribers) events.state.publish({ app: this.options.name, from, to: state });
  }

  /**
   * One try, before anything else: a registry that is away is no reason to stay down, a missing package is.
   * @throws BootError
   */
  async reachRegistry(): Promise<void> {
    const { registry, clock, logger } = this.options;
    const limit = limited(clock, REACH_WAIT_MS, `${registry.name} gave no answer within ${REACH_WAIT_MS} ms`);
    try {
      await within(registry.connect(limit.signal), limit.signal);
    } catch (error) {
      if (error instanceof BootError) throw error;
      logger.warn(`${(error as Error).message}; going on without it for now`);
    } finally {
      limit.clear();
    }
  }

  async start({ failFast = false, keepAlive = true }: StartOptions = {}): Promise<void> {
    const { runtime, registry, transport } = this.options;
    const { signal } = this.starting;
    await this.startParts('probe');
    await this.step('bind handlers', () => this.options.bind());
    if (failFast) await this.step(`reach registry ${registry.name}`, () => within(registry.connect(signal), signal));
    await this.startParts('registry');
    await this.startParts('resource');
    await this.step(`connect transport ${transport.name}`, () => within(connectTransport(this.options, failFast, signal), signal));
    this.opened = true;
    // May wait for a link that went down again.
    await this.step('listen', () => within(runtime.listen(), signal));
    await this.startParts('transport');
    await this.step(`register in ${registry.name}`, () => this.advertise(failFast));
    await this.startParts('ingress');
    this.launch();
    signal.throwIfAborted();
    if (keepAlive) this.hold();
    this.moveTo('ready');
    const nodes = runtime.local.map(({ id }) => id).join(', ');
    this.options.logger.info(`ready${nodes && `: ${nodes}`}`, { transport: transport.name, registry: registry.name });
  }

  /** A service in wait of calls is no reason for Node to end the process. */
  private hold(): void {
    this.release = this.options.clock.after(LONGEST_TIMER_MS, () => this.hold(), true);
  }

  /** Interrupts a start that waits for a server. */
  interrupt(reason: unknown): void {
    this.starting.abort(reason);
  }

  /**
   * From "not ready" to "nothing runs any more": withdraw, close ingress, keep answering late calls for a moment, refuse, wait, abort.
   * @param deadline aborts when the time for stopping is over
   */
  async drain(deadline: AbortSignal): Promise<void> {
    const { runtime, graceMs, clock } = this.options;
    this.moveTo('draining');
    if (this.advertised) await this.deregister(deadline);
    this.running.abort(new Error('the app is stopping'));
    await this.stopParts(['ingress'], deadline);
    const grace = this.advertised && runtime.local.length > 0 ? graceMs() : 0;
    if (grace > 0) await sleep(clock, grace, deadline, true);
    runtime.refuse('others');
    await this.tried('finish calls', () => runtime.idle(deadline));
    const cut = runtime.abortAll();
    if (cut.length > 0) this.fail('finish calls', new Error(`aborted after killWaitMs: ${cut.join(', ')}`));
    await this.tried('end of run()', () => within(this.runsDone, deadline, 'a module\'s run(signal) did not return after its signal aborted'));
    runtime.refuse('all');
  }

  /** A registry that is away is no more a reason to stop badly than it is one not to start: what it still lists, it drops by itself. */
  private async deregister(deadline: AbortSignal): Promise<void> {
    const { runtime, clock, registry, logger } = this.options;
    const limit = limited(clock, WITHDRAW_WAIT_MS, `${registry.name} gave no answer within ${WITHDRAW_WAIT_MS} ms; the nodes expire by their TTL`, deadline);
    await within(runtime.withdraw(limit.signal), limit.signal).catch((error: unknown) => logger.warn(`stopping without the registry: ${messageOf(error)}`));
    limit.clear();
  }

  /** After the container's destroy hooks. */
  async close(deadline: AbortSignal): Promise<void> {
    const { runtime, registry } = this.options;
    this.isClosed = true;
    await this.stopParts(['transport'], deadline);
    await this.tried('close transport', () => within(runtime.close(), deadline, 'the transport did not close in time'));
    await this.stopParts(['resource', 'registry'], deadline);
    this.release();
    await this.tried('close registry', () => within(registry.close(), deadline, 'the registry did not close in time'));
    await this.stopParts(['probe'], deadline);
  }

  /** What went wrong while stopping; one error for all. Undefined when nothing did. */
  takeFailure(): Error | undefined {
    const errors = this.failures.splice(0);
    if (errors.length === 0) return undefined;
    return new AggregateError(errors, `stopping went wrong in ${errors.length} place(s): ${errors.map((error) => (error as Error).message).join('; ')}`);
  }

  /** A step of stopping failed: the next ones happen all the same. */
  fail(step: string, error: unknown): void {
    this.options.logger.error(`stopping: ${step} failed`, { error });
    this.failures.push(new Error(`${step}: ${messageOf(error)}`, { cause: error }));
  }

  async tried(step: string, work: () => Promise<unknown> | undefined | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(step, error);
    }
  }

  /** A step of stopping that is the user's code: it has until `deadline`. */
  hooked(hook: string, work: () => unknown, deadline: AbortSignal): Promise<void> {
    return this.tried(`hook ${hook}`, async () => within(Promise.resolve(work()), deadline, 'it did not end in time'));
  }

  /** A step of starting; none begins after the start was interrupted. */
  async step(name: string, work: () => unknown): Promise<void> {
    const { clock, logger } = this.options;
    this.starting.signal.throwIfAborted();
    const from = clock.now();
    await work();
    logger.debug(`start: ${name}`, { ms: Math.round(clock.now() - from) });
  }

  private async advertise(failFast: boolean): Promise<void> {
    const { runtime, clock, logger, registry } = this.options;
    const { signal } = this.starting;
    this.advertised = true;
    const taken = Promise.all(runtime.advertise());
    taken.catch(() => {});
    const timer = new AbortController();
    const inTime = await Promise.race([taken.then(() => true), sleep(clock, REGISTER_WAIT_MS, AbortSignal.any([timer.signal, signal]), true).then(() => false)]);
    timer.abort();
    signal.throwIfAborted();
    if (inTime) return;
    const detail = runtime.health().find((part) => part.name === 'registration')?.detail;
    if (failFast) throw new Error(`${registry.name} has not taken all nodes within ${REGISTER_WAIT_MS} ms: ${detail ?? 'no answer'}`);
    logger.warn(`${registry.name} has not taken all nodes yet; going on, registration is retried`, { detail });
  }

  private launch(): void {
    const ended = this.options.runs().map(async ({ type, run }) => {
      try {
        await run(this.running.signal);
      } catch (error) {
        if (this.running.signal.aborted) this.fail(`run() of ${type}`, error);
        else this.options.onRunFailed(error, type);
      }
    });
    this.runsDone = Promise.all(ended).then(() => {});
  }

  private async startParts(phase: Phase): Promise<void> {
    for (const part of this.options.parts().filter((candidate) => candidate.phase === phase)) {
      await this.step(`start part ${part.name}`, () => {
        // Pushed first: a part that fails half way is stopped with the others.
        this.started.push(part);
        return part.start?.(this.starting.signal);
      });
    }
  }

  private async stopParts(phases: readonly Phase[], deadline: AbortSignal): Promise<void> {
    for (const phase of phases) {
      for (const part of this.started.filter((candidate) => candidate.phase === phase).reverse()) {
        this.started.splice(this.started.indexOf(part), 1);
        await this.tried(`stop part ${part.name}`, () => within(Promise.resolve(part.stop?.(deadline)), deadline, 'it did not stop in time'));
      }
    }
  }
}
