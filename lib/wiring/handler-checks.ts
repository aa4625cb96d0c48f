import { EXCEPTION_FILTERS_METADATA, GUARDS_METADATA, INTERCEPTORS_METADATA, PIPES_METADATA } from '@nestjs/common/internal';
import { BootError } from '../common/boot-error.js';
import type { MarkedMethod } from '../metadata/marked-methods.js';
import { RPC_CONTRACT } from '../metadata/rpc-contract.decorator.js';
import type { FoundClass, HostKind } from './explore-classes.js';

const ENHANCERS = { '@UseGuards': GUARDS_METADATA, '@UsePipes': PIPES_METADATA, '@UseInterceptors': INTERCEPTORS_METADATA, '@UseFilters': EXCEPTION_FILTERS_METADATA };

/** What is wrong with the place a `@Handler`, or another decorator of methods that calls come to, was put. */
export function misplaced(origin: string, classRef: Function, { kind, method }: MarkedMethod, declaredBy: Function, decorator = '@Handler'): BootError[] {
  const notAMethod = (target: string, what: string) => new BootError('HANDLER_TARGET', `${decorator} of ${target} is on ${what}`);
  if (kind === 'static') return [notAMethod(origin, 'a static method: it has no instance to run on; remove "static"')];
  if (kind === 'accessor') return [notAMethod(origin, 'a getter or setter; make it a method')];
  const fn = (classRef.prototype as Record<string, unknown>)[method];
  if (kind === 'property' || typeof fn !== 'function') {
    return [notAMethod(origin, `a property, which has no parameters at run time; write a method: ${method}(...) { ... }`)];
  }
  if (declaredBy === classRef) return [];
  const base = Object.getOwnPropertyDescriptor(declaredBy.prototype, method)?.value as unknown;
  if (fn === base) return RPC_CONTRACT.own(declaredBy) ? [notImplemented(origin, classRef, declaredBy)] : [];
  // An override that silently loses a guard is a hole: Nest keeps these on the function.
  const lost = Object.entries(ENHANCERS).filter(([, key]) => Reflect.hasOwnMetadata(key, base as object) && !Reflect.hasOwnMetadata(key, fn));
  return lost.map(
    ([decorator]) =>
      new BootError('ENHANCER_LOST', `${origin} overrides a handler of ${declaredBy.name} that has ${decorator}, and would run without it; repeat ${decorator}() on ${origin} (empty, if that is what you want)`),
  );
}

/** What is wrong with a class whose methods are called: it lives too short for that, or not at all. */
export function scopeMistake({ classRef, kind, wrapper }: FoundClass<unknown>): BootError | undefined {
  if (kind === 'module' && !wrapper.isDependencyTreeStatic()) {
    return new BootError(
      'MODULE_SCOPE',
      `${classRef.name} has handlers and is request-scoped (by what it injects, or by a guard, pipe, interceptor or filter on it), but a module class lives as long as the app; move the handlers that need it to a provider or a controller of ${classRef.name}`,
    );
  }
  if (!wrapper.isTransient) return undefined;
  return new BootError('HANDLER_HOST', `${classRef.name} has handlers and is transient: it has no instance but those of its consumers, so that nobody could answer a call; drop { scope: Scope.TRANSIENT }`);
}

const HOOKS = ['onModuleInit', 'onApplicationBootstrap', 'onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'];

/** It would be called at start or stop, and no typed client could call it. */
export function lifecycleMistakes(origin: string, method: string, kind: HostKind, decorator = '@Handler'): BootError[] {
  if (!HOOKS.includes(method) && !(kind === 'module' && method === 'run')) return [];
  return [new BootError('HANDLER_TARGET', `${decorator} of ${origin} is on a method that Nest or Anthill calls by its name; rename it (the path may stay)`)];
}

/** A decorator of a class or method that calls come to, in a class of no service. */
export function homeless(decorator: string, { classRef, kind, module }: FoundClass<unknown>, method: string): BootError {
  const todo =
    kind === 'module'
      ? `make ${classRef.name} an @RpcModule({ type })`
      : `it is a ${kind} of ${module.metatype.name}, which is no @RpcModule; put it in the ${kind}s of an @RpcModule, or make ${module.metatype.name} one`;
  return new BootError('HANDLER_HOST', `${decorator} on ${classRef.name}.${method} belongs to no service: ${todo}`);
}

function notImplemented(origin: string, classRef: Function, contract: Function): BootError {
  return new BootError('HANDLER_TARGET', `${classRef.name} extends the contract ${contract.name} but does not implement ${origin}; write the method`);
}
