import type { ClientOptions } from '../common/client-contract.js';

/** The app, as the providers of `@RpcModule` classes see it. The global core module provides it under {@link APP_HANDLE}. */
export interface AppHandle {
  /** The client whose calls name the module's node as caller. */
  rpcOf(type: string): unknown;
  /** The module's settings from the config. */
  settingsOf(type: string): unknown;
  /** A typed client of a class with `@RpcModule` or `@RpcContract`. */
  clientOf(ref: ClientClass, options: ClientOptions | undefined): unknown;
}

/** A class that a typed client can be made from. @public */
export type ClientClass<T = object> = abstract new (...args: never[]) => T;

export const APP_HANDLE: unique symbol = Symbol('the Anthill app (start it with RpcFactory, or import AnthillModule.forRoot)');
export const RPC: unique symbol = Symbol('Rpc (available in classes with @RpcModule, their providers and controllers)');
export const SETTINGS: unique symbol = Symbol('module settings (available in classes with @RpcModule, their providers and controllers)');
