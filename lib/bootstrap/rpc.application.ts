import type { Type } from '@nestjs/common';
import type { Clock, RandomSource } from '../common/clock.js';
import type { AppHealth, AppPart, AppState } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import type { ConfigSchema } from '../common/standard-schema.js';
import type { ClientOptions } from '../common/client-contract.js';
import type { AppConfig } from '../config/app-config.js';
import { Config, keysOf } from '../config/config.js';
import type { ConfigValue } from '../config/config-value.js';
import type { AppHandle, ClientClass } from '../metadata/tokens.js';
import { HealthServer } from '../health/health.server.js';
import { Rpc } from '../rpc/rpc.client.js';
import type { Registry } from '../registry/registry.js';
import type { HandlerDescriptor } from '../rpc/handler-entry.js';
import type { HandlerHost, ServiceHost, ServiceOptions } from '../rpc/service-host.js';
import type { HookedApp } from './app-hooks.js';
import { AppEngine, type StartOptions } from './app-engine.js';
import { checkedPart } from './app-parts.js';
import { AppLifecycle } from './app-lifecycle.js';
import { Container, type ContainerAccess } from './container.js';
import { addService, openService } from './extra-service.js';
import type { LocalNode } from './local-node.js';
import { setLevel } from './console-logger.js';
import type { PreparedApp } from './prepare-app.js';
import { typedClient } from './typed-client-of.js';

/**
 * A running process: its modules, its client, its start and its stop. Made by `RpcFactory.create`, or injected by its class
 * where `AnthillModule.forRoot` made it.
 * @public
 */
export class RpcApplication implements AppHandle, HookedApp, ServiceHost {
  /** Calls services from outside of modules. */
  readonly rpc: Rpc;
  /** @internal */
  readonly settings: Config;
  private readonly engine: AppEngine;
  private readonly lifecycle: AppLifecycle;
  /** Parts that config alone asks for. */
  private readonly builtIn: readonly AppPart[];
  private container: Container | undefined;
  /**
   * Settles when the app has stopped, whoever stopped it, as {@link stop} does: what a failed `run()` threw is the cause of one of its errors.
   * A main that calls no `enableShutdownHooks` awaits it to learn of such an end.
   */
  readonly closed: Promise<void>;
  private reloading: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(private readonly prepared: PreparedApp) {
    const { runtime, transport, registry, clock, logger, config, live, options } = prepared;
    live.state.onSwap((changed) => this.onConfig(changed));
    this.settings = new Config(live.state, clock);
    this.rpc = runtime.rpc;
    this.builtIn = config.health.enabled ? [new HealthServer(config.health, { health: () => this.health(), logger })] : [];
    this.engine = new AppEngine({
      runtime,
      transport,
      registry,
      clock,
      logger,
      random: prepared.random,
      name: config.processName ?? config.processId,
      graceMs: () => this.config.graceMs,
      parts: () => [live, ...this.builtIn, ...(options.parts ?? []), ...(this.container?.parts() ?? [])],
      runs: () => this.container?.runnables() ?? [],
      bind: () => this.container?.bind(),
      onRunFailed: (error, type) => this.lifecycle.runFailed(error, type),
    });
    this.lifecycle = new AppLifecycle({ prepared, engine: this.engine, app: this, container: () => this.container, reload: () => this.reload() });
    this.closed = this.lifecycle.closed;
  }

  /** @internal The registry comes before the container, whose providers may ask it. @throws BootError */
  reachRegistry(): Promise<void> {
    return this.engine.reachRegistry();
  }

  /** @internal Nest's container exists now. */
  attach(access: ContainerAccess): Container {
    return (this.container = new Container(access, this.prepared));
  }

  get state(): AppState {
    return this.engine.state;
  }

  /** The config as last read. */
  get config(): AppConfig {
    return this.prepared.live.config;
  }

  /** Nodes of this process, by service type. */
  get modules(): ReadonlyMap<string, LocalNode> {
    return this.prepared.nodes;
  }

  /** A provider of the container, wherever it is. */
  get<T>(token: Type<T> | string | symbol | (abstract new (...args: never[]) => T)): T;
  get<T>(token: unknown): T;
  get(token: unknown): unknown {
    if (this.container === undefined) throw new Error('the container is not built yet');
    return this.container.get(token);
  }

  /** @internal The node of a module, for parts that bring calls of another kind to its handlers. */
  hostOf(type: string): HandlerHost | undefined {
    return this.prepared.nodes.get(type)?.server;
  }

  /** @internal */
  adopt(part: AppPart): void {
    this.engine.adopt(checkedPart(part, 'a provider'));
  }

  /** @internal */
  get logger(): Logger {
    return this.prepared.logger;
  }

  /** @internal */
  get clock(): Clock {
    return this.prepared.clock;
  }

  /** @internal */
  get random(): RandomSource {
    return this.prepared.random;
  }

  /** @internal All services that the code knows, those of other processes included. */
  get services(): readonly { readonly classRef: Type; readonly options: Readonly<{ type: string }> }[] {
    return this.prepared.services;
  }

  /** @internal */
  get registry(): Registry {
    return this.prepared.registry;
  }

  health(): AppHealth {
    const { isStopping } = this.lifecycle;
    return { state: this.state, ready: !isStopping && this.engine.isReady, serving: !isStopping && this.engine.isServing, parts: this.engine.health() };
  }

  /**
   * Binds handlers, connects, listens, registers, starts `run()` of each module; resolves when ready. A transport that is not there is
   * waited for, with a log; with `failFast` the first refusal is thrown.
   * @throws whatever kept it from starting, after everything that had started is stopped again
   */
  async start(options: StartOptions = {}): Promise<this> {
    await this.lifecycle.start(options);
    return this;
  }

  /** @internal Serves what is no `@RpcModule`; for bridges. */
  async serve(service: ServiceOptions, handlers: readonly HandlerDescriptor[]): Promise<LocalNode> {
    // Bound, but not listening yet: a start that is under way takes no more nodes, and is over soon.
    if (this.state !== 'created') await this.lifecycle.started;
    const node = addService(this.prepared, this.state, service, handlers);
    if (this.state === 'ready') await openService(this.prepared, node);
    return node;
  }

  /**
   * Takes the app out of the registry, finishes what is in flight, then closes everything, within `killWaitMs`. Any number of calls, one stop.
   * It waits for handlers and for `run()`: do not await it in one of these.
   * @throws AggregateError of everything that went wrong; it has stopped all the same
   */
  stop(): Promise<void> {
    return this.lifecycle.stop();
  }

  /** The same as {@link stop}, in Nest's word. */
  close(): Promise<void> {
    return this.stop();
  }

  /** @internal The part of stopping that comes before Nest's first destroy hook. */
  drain(): Promise<void> {
    return this.lifecycle.drain();
  }

  /**
   * SIGTERM and SIGINT stop the app and end the process (exit code 1 when stopping failed or a `run()` did); a second one ends it at once.
   * SIGHUP reads the config again. Without this call the app touches no signal.
   */
  enableShutdownHooks(signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']): this {
    this.lifecycle.enableShutdownHooks(signals);
    return this;
  }

  /**
   * Reads the config again (SIGHUP): times, log level and settings are as they say from now on, the rest is for the next start. A config
   * with mistakes changes nothing and is logged. @throws BootError, or what the hook onReload throws
   */
  reload(): Promise<AppConfig> {
    // One after the other, their hooks too.
    const result = this.reloading.then(() => this.prepared.live.reload()).then((config) => this.tellReload(config));
    this.reloading = result.catch(() => {});
    return result;
  }

  /** Every new config, wherever it came from. */
  private onConfig(config: AppConfig): void {
    const { runtime, nestLogger, options } = this.prepared;
    runtime.setTimeoutMs(config.rpc.timeoutMs);
    if (options.logger === undefined) setLevel(nestLogger, config);
  }

  private async tellReload(config: AppConfig): Promise<AppConfig> {
    const { options, logger } = this.prepared;
    logger.info('config read again');
    try {
      await options.hooks?.onReload?.(config);
      return config;
    } catch (error) {
      logger.error(`hook onReload failed: ${(error as Error).message}`, { error });
      throw error;
    }
  }

  /** @internal */
  rpcOf(type: string): Rpc {
    const node = this.prepared.nodes.get(type);
    const { calls } = this.prepared.options;
    // Without defaults the options of a call are taken as they are.
    return node === undefined ? this.rpc : new Rpc(this.rpc.deps, calls && { ...calls, caller: node.id }, node);
  }

  /** @internal */
  settingsOf(type: string): unknown {
    return this.config.reveal(this.config.moduleOf(type).settings, `Anthill.modules.${type}.settings`);
  }

  /** @internal */
  configValue(path: string, schema: ConfigSchema | undefined): ConfigValue {
    return this.prepared.live.state.valueOf({ path: keysOf(path), schema });
  }

  /** @internal */
  clientOf(contract: ClientClass, options: ClientOptions | undefined): unknown {
    return typedClient(this.rpc, contract, options, this.prepared.runtime.errorTypes);
  }
}
