import { EXCEPTION_FILTERS_METADATA, GUARDS_METADATA, INTERCEPTORS_METADATA, PIPES_METADATA } from '@nestjs/common/internal';
import { BootError } from '../common/boot-error.js';
import type { HandlerMetadata } from '../metadata/handler.decorator.js';
import { RPC_CONTRACT } from '../metadata/rpc-contract.decorator.js';

const ENHANCERS = { '@UseGuards': GUARDS_METADATA, '@UsePipes': PIPES_METADATA, '@UseInterceptors': INTERCEPTORS_METADATA, '@UseFilters': EXCEPTION_FILTERS_METADATA };

/** What is wrong with the place a `@Handler` was put. */
export function misplaced(origin: string, classRef: Function, { kind, method }: HandlerMetadata, declaredBy: Function): BootError[] {
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

function notAMethod(origin: string, what: string): BootError {
  return new BootError('HANDLER_TARGET', `@Handler of ${origin} is on ${what}`);
}

function notImplemented(origin: string, classRef: Function, contract: Function): BootError {
  return new BootError('HANDLER_TARGET', `${classRef.name} extends the contract ${contract.name} but does not implement ${origin}; write the method`);
}
