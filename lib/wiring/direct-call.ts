import { isObservable, lastValueFrom } from 'rxjs';
import type { RpcContext } from '../common/call-context.js';
import type { HandlerParam } from './handler-params.js';
import type { HostedMethod } from './hosted-method.js';

/** How the server runs a handler. */
export type Invoke = (args: readonly unknown[], context: RpcContext) => unknown;
type Method = (...args: unknown[]) => unknown;

/**
 * The short path: a method of a living instance with nothing around it. The usual shapes (arguments in order, perhaps the context last) are
 * written out, because a call is worth a few hundred nanoseconds and building an argument list is not free.
 */
export function compileDirect(instance: object, method: Method, params: readonly HandlerParam[], finish?: HostedMethod['finish']): Invoke {
  const call = inOrder(instance, method, params) ?? general(instance, method, params);
  if (finish) return async (args, context) => finish(await settle(call(args, context)), context);
  return (args, context) => settle(call(args, context));
}

function inOrder(instance: object, method: Method, params: readonly HandlerParam[]): Invoke | undefined {
  const plain = params.findIndex(({ source, index }) => source.from !== 'arg' || source.arg !== index);
  const count = plain < 0 ? params.length : plain;
  const tail = params.slice(count);
  const withContext = tail.length === 1 && tail[0]!.source.from === 'ctx';
  if (tail.length > 0 && !withContext) return undefined;
  switch (withContext ? count + 10 : count) {
    case 0:
      return () => method.call(instance);
    case 1:
      return (args) => method.call(instance, args[0]);
    case 2:
      return (args) => method.call(instance, args[0], args[1]);
    case 3:
      return (args) => method.call(instance, args[0], args[1], args[2]);
    case 10:
      return (_args, context) => method.call(instance, context);
    case 11:
      return (args, context) => method.call(instance, args[0], context);
    case 12:
      return (args, context) => method.call(instance, args[0], args[1], context);
    case 13:
      return (args, context) => method.call(instance, args[0], args[1], args[2], context);
    default:
      return undefined;
  }
}

function general(instance: object, method: Method, params: readonly HandlerParam[]): Invoke {
  const last = params.at(-1);
  const fixed = last?.source.from === 'rest' ? params.slice(0, -1) : params;
  const from = last?.source.from === 'rest' ? last.source.arg : -1;
  return (args, context) => {
    const values = fixed.map((param) => valueOf(param, args, context));
    if (from >= 0) for (let i = from; i < args.length; i++) values.push(args[i]);
    return method.apply(instance, values);
  };
}

/** The value of a parameter that needs no Nest. */
export function valueOf({ source }: HandlerParam, args: readonly unknown[], context: RpcContext): unknown {
  switch (source.from) {
    case 'arg':
    case 'session':
      return args[source.arg];
    case 'property':
      return (args[0] as Record<string, unknown> | null | undefined)?.[source.property];
    case 'rest':
      return args.slice(source.arg);
    case 'ctx':
      return context;
    case 'meta':
      return source.key === undefined ? context.metadata : context.metadata[source.key];
    default:
      return undefined;
  }
}

/** The last value of an observable is the reply; none is null. */
export function settle(result: unknown): unknown {
  return result instanceof Promise ? result.then(last) : last(result);
}

function last(value: unknown): unknown {
  return typeof value === 'object' && value !== null && isObservable(value) ? lastValueFrom(value, { defaultValue: undefined }) : value;
}
