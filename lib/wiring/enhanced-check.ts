import { EXCEPTION_FILTERS_METADATA, GUARDS_METADATA, INTERCEPTORS_METADATA, PIPES_METADATA } from '@nestjs/common/internal';
import type { ApplicationConfig } from '@nestjs/core';
import { BootError } from '../common/boot-error.js';
import type { HostedMethod } from './hosted-method.js';

/** Kinds of enhancers: how they are declared, and the method that makes one. */
const KINDS = [
  { decorator: '@UseGuards', key: GUARDS_METADATA, method: 'canActivate' },
  { decorator: '@UseInterceptors', key: INTERCEPTORS_METADATA, method: 'intercept' },
  { decorator: '@UsePipes', key: PIPES_METADATA, method: 'transform' },
  { decorator: '@UseFilters', key: EXCEPTION_FILTERS_METADATA, method: 'catch' },
] as const;

/** What a handler declares, before anything is resolved. */
function declared(handler: HostedMethod): { decorator: string; method: string; enhancer: unknown }[] {
  const fn = (handler.classRef.prototype as Record<string, object>)[handler.method]!;
  return [
    ...KINDS.flatMap(({ decorator, key, method }) =>
      [...((Reflect.getMetadata(key, handler.classRef) ?? []) as unknown[]), ...((Reflect.getMetadata(key, fn) ?? []) as unknown[])].map((enhancer) => ({ decorator, method, enhancer })),
    ),
    ...handler.params.flatMap(({ pipes }) => pipes.filter(Boolean).map((enhancer) => ({ decorator: 'a parameter', method: 'transform', enhancer: enhancer as unknown }))),
  ];
}

/** True when Nest has anything to do around the handler. */
export function isEnhanced(handler: HostedMethod): boolean {
  return declared(handler).length > 0 || handler.params.some(({ source, schema }) => source.from === 'custom' || schema !== undefined);
}

/** True when the app has enhancers for everything. */
export function hasGlobals(config: ApplicationConfig): boolean {
  return [config.getGlobalGuards(), config.getGlobalInterceptors(), config.getGlobalPipes(), config.getGlobalFilters()].some((list) => list.length > 0);
}

/** Enhancers given as classes that Nest did not resolve: it would skip them and say nothing. */
export function unresolved(handler: HostedMethod): BootError[] {
  return declared(handler).flatMap(({ decorator, method, enhancer }) => {
    if (typeof enhancer !== 'function' || isFunction(enhancer, method)) return [];
    const wrapper = handler.module.injectables.get(enhancer);
    if (wrapper && (isFunction(wrapper.instance, method) || isFunction(wrapper.metatype?.prototype, method))) return [];
    const why = wrapper ? `it has no method ${method}()` : `Nest has not made it, because ${handler.classRef.name} comes from a factory or a value`;
    const todo = wrapper ? `is it the right class?` : `give ${decorator} an instance, or list ${handler.classRef.name} itself in the module`;
    return new BootError('ENHANCER_UNRESOLVED', `${enhancer.name} of ${decorator} on ${handler.origin} would be skipped: ${why}; ${todo}`);
  });
}

function isFunction(target: unknown, name: string): boolean {
  return (typeof target === 'function' || (typeof target === 'object' && target !== null)) && typeof (target as Record<string, unknown>)[name] === 'function';
}
