import type { HandlerOptions } from '../common/handler-options.js';
import { defineMetadata } from './define-metadata.js';
import { markedMethods, type MarkedMethod, markMethod } from './marked-methods.js';

/** What `@Handler` saw. Whether it makes sense is the explorer's question. */
export interface HandlerMetadata extends MarkedMethod {
  readonly path: string;
  readonly options: HandlerOptions;
}

/** On the class: its own handlers in source order. */
export const HANDLERS = defineMetadata<readonly HandlerMetadata[]>('handlers');

/**
 * Makes a method callable under `path`, on an `@RpcModule` class, on its providers and on its controllers. Several on one method are aliases.
 * In a class with `@RpcContract` it tells callers what a service offers.
 * @param path as callers name it; by custom `/noun/verb`
 * @public
 */
export function Handler(path: string, options: HandlerOptions = {}) {
  return (target: object, method: string, descriptor?: PropertyDescriptor): void => {
    markMethod(HANDLERS, { target, method, descriptor }, { path, options: Object.freeze({ ...options }) });
  };
}

/**
 * Handlers of a class and of what it extends, base first. A method that a subclass decorates again replaces the base's;
 * one that it merely overrides stays a handler.
 */
export function handlersOf(classRef: object): readonly (HandlerMetadata & { readonly declaredBy: Function })[] {
  return markedMethods(HANDLERS, classRef);
}
