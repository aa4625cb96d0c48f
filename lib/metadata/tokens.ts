import type { ClientOptions } from '../common/client-contract.js';
import type { Clock, RandomSource } from '../common/clock.js';
import type { AppHealth, AppPart } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import type { ConfigSchema } from '../common/standard-schema.js';

/** The app, as the providers of `@RpcModule` classes see it. The global core module provides it under {@link APP_HANDLE}. @plugin */
export interface AppHandle {
  /** The client whose calls name the module's node as caller. */
  rpcOf(type: string): unknown;
  /** The module's settings from the config. */
  settingsOf(type: string): unknown;
  /** A typed client of a class with `@RpcModule` or `@RpcContract`. */
  clientOf(ref: ClientClass, options: ClientOptions | undefined): unknown;
  /** A live value of the config, a `ConfigValue`. @param path below `Settings`, with dots */
  configValue(path: string, schema: ConfigSchema | undefined): unknown;
  /** Whether it is ready, and how its parts are. */
  health(): AppHealth;
  /**
   * Takes over a part that runs already, such as a connection that a provider opened while the container was built: health shows it, and it is
   * stopped in its phase, also when the container cannot be built after all. Its `start` is not called.
   */
  adopt(part: AppPart): void;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** A class that a typed client can be made from. @public */
export type ClientClass<T = object> = abstract new (...args: never[]) => T;

/** Injects an {@link AppHandle}. @plugin */
export const APP_HANDLE: unique symbol = Symbol('the Anthill app (start it with RpcFactory, or import AnthillModule.forRoot)');
/** The app's registry (`Registry` of `anthill/plugin`): for parts that watch services themselves. */
export const REGISTRY: unique symbol = Symbol('the registry of the Anthill app');
/** A function that gives the config as last read (`() => AppConfig`): for parts that have a section of their own there. @plugin */
export const APP_CONFIG: unique symbol = Symbol('the config of the Anthill app');
/** Instances of services, as hrpc's `service.Get` gives them. */
export const SERVICES: unique symbol = Symbol('Services (of the Anthill app)');
export const RPC: unique symbol = Symbol('Rpc (available in classes with @RpcModule, their providers and controllers)');
export const SETTINGS: unique symbol = Symbol('module settings (available in classes with @RpcModule, their providers and controllers)');
