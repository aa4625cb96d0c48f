import type { HandlerOptions } from '../common/handler-options.js';
import { isMarshalerClass, isProtoSchema, type ArgTypes, type ValueType } from '../common/value-types.js';
import { SESSION_TYPE } from '../common/session.js';
import type { HandlerParams } from './handler-params.js';

/** What a handler takes and gives, for the wire. Frozen. */
export interface HandlerSignature {
  /** How many positional arguments; undefined: any number. */
  readonly arity: { readonly min: number; readonly max: number } | undefined;
  readonly argTypes: ArgTypes | undefined;
  readonly returns: ValueType | undefined;
}

/** Declared types win; classes with `marshal` and protobuf classes are taken from TypeScript's metadata. `String` and the like are not enforced. */
export function signatureOf({ params, typed, returnType }: HandlerParams, options: HandlerOptions): HandlerSignature {
  const inferred: (ValueType | undefined)[] = [];
  let min = 0;
  let max = typed ? 0 : Infinity;
  for (const { source, metatype, required } of params) {
    if (source.from === 'rest') max = Infinity;
    const arg = source.from === 'arg' || source.from === 'session' ? source.arg : source.from === 'property' ? 0 : undefined;
    if (arg === undefined) continue;
    if (source.from === 'arg') inferred[arg] = wireClass(metatype);
    if (source.from === 'session') inferred[arg] = SESSION_TYPE;
    if (required) min = Math.max(min, arg + 1);
    max = Math.max(max, arg + 1);
  }
  min = Math.max(0, min - (options.optional ?? 0));
  const argTypes = Array.from({ length: Math.max(inferred.length, options.args?.length ?? 0) }, (_, i) => options.args?.[i] ?? inferred[i]);
  return Object.freeze({
    arity: min === 0 && max === Infinity ? undefined : Object.freeze({ min, max }),
    argTypes: argTypes.some((type) => type !== undefined) ? Object.freeze(argTypes) : undefined,
    returns: options.returns ?? wireClass(returnType),
  });
}

function wireClass(type: unknown): ValueType | undefined {
  return isMarshalerClass(type) || isProtoSchema(type) ? type : undefined;
}
