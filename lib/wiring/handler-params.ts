import type { ExecutionContext, PipeTransform, Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/internal';
import { ctxFactory, metaFactory, payloadFactory, sessionFactory } from '../metadata/params.decorator.js';

/** Where the value of a parameter comes from. */
export type ParamSource =
  | { readonly from: 'arg'; readonly arg: number }
  /** Property of the first argument. */
  | { readonly from: 'property'; readonly property: string }
  /** All arguments from `arg` on. */
  | { readonly from: 'rest'; readonly arg: number }
  | { readonly from: 'ctx' }
  /** The gate's session, an argument too. */
  | { readonly from: 'session'; readonly arg: number }
  | { readonly from: 'meta'; readonly key: string | undefined }
  /** A custom parameter decorator of Nest. */
  | { readonly from: 'custom'; readonly factory: (data: unknown, host: ExecutionContext) => unknown }
  /** A decorator of another kind of handler (`@Body`, `@Query`): a mistake. */
  | { readonly from: 'foreign' };

/** One parameter of a handler. Frozen. */
export interface HandlerParam {
  readonly index: number;
  readonly source: ParamSource;
  readonly data: unknown;
  readonly pipes: readonly (Type<PipeTransform> | PipeTransform)[];
  readonly schema: unknown;
  /** From TypeScript's metadata. */
  readonly metatype: unknown;
  /** The caller must give it: no default, no pipe that might supply one. */
  readonly required: boolean;
}

/** The parameters of a method, as decorators and the compiler tell them. */
export interface HandlerParams {
  readonly params: readonly HandlerParam[];
  /** False: compiled without decorator metadata. */
  readonly typed: boolean;
  readonly returnType: unknown;
}

interface NestParam {
  index: number;
  factory?: (data: unknown, host: ExecutionContext) => unknown;
  data?: unknown;
  pipes?: (Type<PipeTransform> | PipeTransform)[];
  schema?: unknown;
}

/**
 * Nest's numbers for `@Payload()` and `@Ctx()` of @nestjs/microservices, which mean the same here. `@Body()` and `@Headers()` of HTTP have the same
 * two, and cannot be told from them: they get what Nest's own microservices would give them.
 */
const NEST_PAYLOAD = '3';
const NEST_CONTEXT = '6';

/** Reads the parameters of `classRef.prototype[method]`. */
export function readParams(classRef: Function, method: string): HandlerParams {
  const prototype = classRef.prototype as Record<string, (...args: unknown[]) => unknown>;
  const fn = prototype[method]!;
  const paramTypes = Reflect.getMetadata('design:paramtypes', prototype, method) as unknown[] | undefined;
  const decorated = decoratedParams(classRef, method);
  const count = Math.max(fn.length, paramTypes?.length ?? 0, ...[...decorated.keys()].map((index) => index + 1));
  const restAt = hasRest(fn) ? Math.max(count - 1, fn.length) : -1;
  const taken = new Set<number>();
  for (const { source } of decorated.values()) {
    if (source?.from === 'arg') taken.add(source.arg);
    if (source?.from === 'property') taken.add(0);
  }
  let next = 0;
  const params = Array.from({ length: Math.max(count, restAt + 1) }, (_, index): HandlerParam => {
    const own = decorated.get(index);
    let source = own?.source;
    if (source === undefined) {
      while (taken.has(next)) next++;
      source = own?.nest.factory === sessionFactory ? { from: 'session', arg: next++ } : index === restAt ? { from: 'rest', arg: next } : { from: 'arg', arg: next++ };
    }
    const { data, pipes = [], schema } = own?.nest ?? {};
    const required = index < fn.length && pipes.length === 0 && schema === undefined && source.from !== 'rest' && source.from !== 'session';
    return Object.freeze({ index, source: Object.freeze(source), data: typeof data === 'number' ? undefined : data, pipes, schema, metatype: paramTypes?.[index], required });
  });
  return Object.freeze({ params: Object.freeze(params), typed: paramTypes !== undefined, returnType: Reflect.getMetadata('design:returntype', prototype, method) });
}

/** How many arguments the caller gives at most; undefined behind a rest parameter. */
export function argumentCount({ params }: HandlerParams): number | undefined {
  let count = 0;
  for (const { source } of params) {
    if (source.from === 'rest') return undefined;
    if (source.from === 'arg' || source.from === 'session') count = Math.max(count, source.arg + 1);
    if (source.from === 'property') count = Math.max(count, 1);
  }
  return count;
}

/** Which argument is the gate's session. */
export function sessionArgument(params: readonly HandlerParam[]): number | undefined {
  for (const { source } of params) if (source.from === 'session') return source.arg;
  return undefined;
}

/** Parameters with decorators, by index. Without source: an argument whose number is not said. */
function decoratedParams(classRef: Function, method: string): Map<number, { nest: NestParam; source: ParamSource | undefined }> {
  const entries = Object.entries((Reflect.getMetadata(ROUTE_ARGS_METADATA, classRef, method) ?? {}) as Record<string, NestParam>);
  return new Map(entries.map(([key, nest]) => [nest.index, { nest, source: sourceOf(key, nest) }]));
}

function sourceOf(key: string, { factory, data }: NestParam): ParamSource | undefined {
  switch (factory) {
    case payloadFactory:
      return payloadSource(data);
    case ctxFactory:
      return { from: 'ctx' };
    case metaFactory:
      return { from: 'meta', key: typeof data === 'string' ? data : undefined };
    case undefined:
      break;
    case sessionFactory:
      return undefined;
    default:
      return { from: 'custom', factory };
  }
  const type = key.split(':')[0];
  return type === NEST_PAYLOAD ? payloadSource(data) : type === NEST_CONTEXT && data === undefined ? { from: 'ctx' } : { from: 'foreign' };
}

function payloadSource(data: unknown): ParamSource | undefined {
  if (typeof data === 'number') return { from: 'arg', arg: data };
  return typeof data === 'string' && data !== '' ? { from: 'property', property: data } : undefined;
}

/** True when the last parameter is `...rest`. Only the source tells: neither `length` nor TypeScript's metadata does. */
function hasRest(fn: Function): boolean {
  const source = fn.toString();
  const start = source.indexOf('(');
  for (let i = start, depth = 0; i < source.length; i++) {
    if (source[i] === '(') depth++;
    else if (source[i] === ')' && --depth === 0) return /\.\.\.\s*[\w$]+\s*$/.test(source.slice(start + 1, i));
  }
  return false;
}
