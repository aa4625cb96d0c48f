import type { LoggerService, Type } from '@nestjs/common';
import type { Clock, RandomSource } from '../common/clock.js';
import type { ErrorClass } from '../common/handler-options.js';
import type { AppPart } from '../common/lifecycle.js';
import type { NodeFilter, Selector } from '../common/selection.js';
import type { AnthillSection, PluginChoice } from '../config/anthill-section.js';
import type { ConfigSource } from '../config/config-source.js';
import type { LaunchOptions } from '../config/launch.js';
import type { ClientClass } from '../metadata/tokens.js';
import type { Registry } from '../registry/registry.js';
import type { CallOptions } from '../rpc/call-options.js';
import type { Codec } from '../rpc/codec.js';
import type { Interceptor } from '../rpc/interceptor.js';
import type { ServerHooks } from '../rpc/server-hooks.js';
import type { Transport } from '../rpc/transport.js';
import type { Wire } from '../rpc/wire.js';
import type { AppHooks } from './app-hooks.js';
import type { PluginTable } from './plugin-table.js';

/**
 * Options of an app. What they leave open, flags, environment and the config file decide (docs/config.md). Plug-ins are instances
 * (`nats({...})`) or names that config could use as well.
 * @public
 */
export interface AppOptions extends LaunchOptions, Pick<AnthillSection, 'processName' | 'environment' | 'zone' | 'discovery' | 'rpc' | 'advertise' | 'health' | 'registration' | 'databases' | 'killWaitMs' | 'graceMs' | 'log' | 'redis' | 'watchFile' | 'grpc' | 'http'> {
  /** @default memory() */
  transport?: Transport | PluginChoice;
  /** @default memory() */
  registry?: Registry | PluginChoice;
  /** @default random() */
  selector?: Selector | PluginChoice;
  /** @default msgpack() */
  codec?: Codec | string;
  /** Ways of speaking, best first. @default anthill/1, mqant */
  wires?: readonly (Wire | string)[];
  /** Filters of every call. */
  filters?: readonly NodeFilter[];
  /** Options of every call that does not say otherwise. */
  calls?: CallOptions;
  /** Around all calls: outgoing and incoming. The first is the outermost. */
  interceptors?: { readonly client?: readonly Interceptor[]; readonly server?: readonly Interceptor[] };
  /** Watches the calls of all nodes (mqant's RPCListener). */
  serverHooks?: ServerHooks;
  /** Rewrites each target before it is looked up (mqant's SetMapRoute). */
  mapRoute?: (target: string, path: string) => string;
  /** Error classes with `@RpcErrorClass` that no handler of this app declares, to be revived from replies. */
  errors?: readonly ErrorClass[];
  hooks?: AppHooks;
  /** Parts that start and stop with the app, besides those found in the container. */
  parts?: readonly AppPart[];
  /** Names that config may use, besides the built-in ones. */
  plugins?: Partial<PluginTable>;
  /** Contracts to provide clients of, for classes that the app cannot see (with `forRoot`, classes outside of `modules`). */
  clients?: readonly ClientClass[];
  /** Merged into the app's settings (`Settings` of server.json). */
  settings?: Record<string, unknown>;
  /** Config centres, the weakest first. */
  sources?: readonly ConfigSource[];
  /** Read mqant's flags (`-wd -conf -pid -log -bi`) from `argv`. @default true */
  flags?: boolean;
  /** @default process.argv without node and script */
  argv?: readonly string[];
  /** `{}` reads nothing. @default process.env */
  env?: Readonly<Record<string, string | undefined>>;
  /** Any logger of Nest's; `false` is silent. @default Nest's console, as config says */
  logger?: LoggerService | false;
  /** For tests. */
  clock?: Clock;
  /** For tests. */
  random?: RandomSource;
}

/** Options of an app without a root module of its own. @public */
export interface ModulesOptions extends AppOptions {
  /** Classes with `@RpcModule` (or other Nest modules) that make up the app. */
  modules: readonly Type[];
}
