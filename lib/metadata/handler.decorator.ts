import type { HandlerOptions } from '../common/handler-options.js';
import { defineMetadata } from './define-metadata.js';

/** What `@Handler` saw. Whether it makes sense is the explorer's question. */
export interface HandlerMetadata {
  readonly path: string;
  readonly options: HandlerOptions;
  readonly method: string;
  readonly kind: 'method' | 'property' | 'accessor' | 'static';
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
    const isStatic = typeof target === 'function';
    const classRef = isStatic ? target : target.constructor;
    const kind = isStatic ? 'static' : descriptor === undefined ? 'property' : descriptor.get || descriptor.set ? 'accessor' : 'method';
    const entry: HandlerMetadata = Object.freeze({ path, options: Object.freeze({ ...options }), method, kind });
    const own = HANDLERS.own(classRef) ?? [];
    // Decorators of one method run from the last to the first: put aliases in the order they are read.
    const at = own.findIndex((known) => known.method === method);
    HANDLERS.write(classRef, at < 0 ? [...own, entry] : own.toSpliced(at, 0, entry));
  };
}

/**
 * Handlers of a class and of what it extends, base first. A method that a subclass decorates again replaces the base's;
 * one that it merely overrides stays a handler.
 */
export function handlersOf(classRef: object): readonly (HandlerMetadata & { readonly declaredBy: Function })[] {
  const found: (HandlerMetadata & { readonly declaredBy: Function })[] = [];
  const taken = new Set<string>();
  for (let level: object | null = classRef; typeof level === 'function' && level !== Function.prototype; level = Object.getPrototypeOf(level) as object | null) {
    const declaredBy = level;
    const own = (HANDLERS.own(level) ?? []).filter(({ method }) => !taken.has(method));
    for (const { method } of own) taken.add(method);
    found.unshift(...own.map((entry) => ({ ...entry, declaredBy })));
  }
  return found;
}
