import type { AppHealth } from '../common/lifecycle.js';
import type { RegistrationChoice } from '../common/registration-choice.js';
import type { HandlerDescriptor } from './handler-entry.js';
import type { LocalNodeHandle } from './local-node-handle.js';
import type { Rpc } from './rpc.client.js';
import type { NodeHost } from './wire.js';

/** A service that is no `@RpcModule`: what a bridge to other kinds of handlers serves. Config may override all but the type. @public */
export interface ServiceOptions {
  /** Service name: what callers name as target. Letters, digits, `_`, `.` and `-`. */
  type: string;
  /** @default 0.0.0 */
  version?: string;
  /** The part of the node's id behind the `@`. @default 16 random hex characters */
  id?: string;
  /** How the node is written into the registry, where that knows several ways. @default as the registry does */
  registration?: RegistrationChoice;
  /** Free pairs for callers' filters. */
  metadata?: Readonly<Record<string, string>>;
  /** How long the registry keeps the node without hearing of it. @default 20000 */
  ttlMs?: number;
  /** How often it hears of it. @default 10000 */
  intervalMs?: number;
}

/** A node of this process that takes handlers of other kinds: gRPC methods run under the lanes, limits and drain of the module that has them. @plugin */
export interface HandlerHost extends NodeHost {
  /** Before the app listens. @throws BootError DUPLICATE_HANDLER, HANDLER_OPTIONS */
  add(handler: HandlerDescriptor): void;
}

/** An app, as bridges and gateways see it; in the container under `APP_HANDLE`. @plugin */
export interface ServiceHost {
  readonly rpc: Rpc;
  health(): AppHealth;
  /** The node of a module of this process; undefined for types that do not run here. */
  hostOf(type: string): HandlerHost | undefined;
  /** A provider of the app's container. */
  get<T>(token: unknown): T;
  /**
   * Serves handlers as a node of their own. Before the app starts: together with its modules, and the promise does not wait for that. Later: at
   * once, reachable first, then in the registry.
   * @throws BootError for a type that is taken or no name, for paths used twice; Error when the app is stopping
   */
  serve(service: ServiceOptions, handlers: readonly HandlerDescriptor[]): Promise<LocalNodeHandle>;
  /** Takes the whole app out of the registry and finishes what is in flight: the part of stopping that comes before destroy hooks. Any number of calls, one drain. */
  drain(): Promise<void>;
}
