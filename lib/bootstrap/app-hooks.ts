import type { AppConfig } from '../config/app-config.js';
import type { Rpc } from '../rpc/rpc.client.js';

/** The app, as hooks see it. @public */
export interface HookedApp {
  readonly config: AppConfig;
  readonly rpc: Rpc;
  /** A provider of the container. */
  get<T>(token: unknown): T;
}

/**
 * Moments of an app's life, given to `create({ hooks })` or `forRoot({ hooks })`. Awaited in turn; what one throws fails the step it belongs to.
 * @public
 */
export interface AppHooks {
  /** Config is read and valid, nothing else has happened (mqant's OnConfigurationLoaded). */
  onConfigurationLoaded?(config: AppConfig): void | Promise<void>;
  /** All modules are initialised, no handler is bound yet. */
  beforeStart?(app: HookedApp): void | Promise<void>;
  /** The app is ready. */
  afterStart?(app: HookedApp): void | Promise<void>;
  /** The config was read again (SIGHUP, `reload()`) and is in effect (hrpc's life.WhenRestart, whose process serves nothing afterwards). */
  onReload?(config: AppConfig): void | Promise<void>;
  /** Stop was asked for; the app still serves and is still in the registry. */
  beforeStop?(app: HookedApp): void | Promise<void>;
  /** All is closed. */
  afterStop?(app: HookedApp): void | Promise<void>;
  /** As afterStop, the last thing of all, even after a start that failed (hrpc's life.WhenExit). */
  onExit?(): void | Promise<void>;
}
