import { Module, type ModuleMetadata, type Type } from '@nestjs/common';
import type { HandlerOptions } from '../common/handler-options.js';
import type { RegistrationChoice } from '../common/registration-choice.js';
import { defineMetadata } from './define-metadata.js';
import { APP_HANDLE, type AppHandle, RPC, SETTINGS } from './tokens.js';

/** @public */
export interface RpcModuleOptions extends ModuleMetadata {
  /** Service name, unique in the app: letters, digits, `_`, `.`, `-`. */
  type: string;
  /** Published in the registry; callers can select by it. @default '0.0.0' */
  version?: string;
  /** The part of the node id after `@`. @default 16 random hex characters at each start */
  id?: string;
  /** How long the registry keeps the node without news, in milliseconds. @default the app's (20000) */
  ttlMs?: number;
  /** How often the node registers again, in milliseconds. @default the app's (10000) */
  intervalMs?: number;
  /** How the node is written into the registry, where that knows several ways. @default as the registry does */
  registration?: RegistrationChoice;
  /** Published with the node. Can be changed at run time through the app. */
  metadata?: Readonly<Record<string, string>>;
  /** Options of all handlers of the module that do not say otherwise. */
  defaults?: Pick<HandlerOptions, 'concurrent' | 'lane' | 'queue' | 'abandonMs' | 'public'>;
}

/** On the class, as written. */
export const RPC_MODULE = defineMetadata<Readonly<RpcModuleOptions>>('rpc module');

/**
 * A service: a Nest module whose `@Handler` methods (its own, and those of its providers and controllers) can be called from other processes.
 * @public
 */
export function RpcModule(options: RpcModuleOptions): ClassDecorator {
  return (target) => {
    const { imports = [], providers = [], controllers = [], exports = [], type } = options;
    RPC_MODULE.write(target, Object.freeze({ ...options }));
    Module({
      imports,
      controllers,
      exports,
      providers: [
        // Listed among its own providers, so that Nest resolves the guards, pipes, interceptors and filters on the module class too.
        target as unknown as Type,
        ...providers,
        { provide: RPC, useFactory: (app: AppHandle) => app.rpcOf(type), inject: [APP_HANDLE] },
        { provide: SETTINGS, useFactory: (app: AppHandle) => app.settingsOf(type), inject: [APP_HANDLE] },
      ],
    })(target);
  };
}
