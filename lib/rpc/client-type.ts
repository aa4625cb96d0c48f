import { BootError } from '../common/boot-error.js';
import type { CallOptions } from './call-options.js';

/** Methods that containers call, not callers. */
export const LIFECYCLE_METHODS = [
  'afterStart',
  'afterStop',
  'beforeApplicationShutdown',
  'beforeStart',
  'beforeStop',
  'configure',
  'onApplicationBootstrap',
  'onApplicationShutdown',
  'onConfigurationLoaded',
  'onExit',
  'onModuleDestroy',
  'onModuleInit',
  'run',
] as const;

/** Method names that no client has. */
type Hidden = (typeof LIFECYCLE_METHODS)[number] | 'then';

type AnyMethod = (...args: never[]) => unknown;

/** True for parameters that the callee's side fills in; never true for `any`. */
type IsInjected<P> = 0 extends 1 & P ? false : [NonNullable<P>] extends [never] ? false : NonNullable<P> extends { readonly __anthillInjected: true } ? true : false;

/** The first of `A`, with its name where there is no rest parameter behind it. */
type Head<A extends readonly unknown[], Rest extends readonly unknown[]> = number extends A['length'] ? [A[0]] : A extends readonly [...infer First, ...Rest] ? First : [A[0]?];

/** The arguments that a caller gives. */
type Given<A extends readonly unknown[]> = A extends readonly []
  ? []
  : A extends readonly [unknown, ...infer Rest]
    ? [...(IsInjected<A[0]> extends true ? [] : Head<A, Rest>), ...Given<Rest>]
    : number extends A['length']
      ? A
      : A extends readonly [unknown?, ...infer Rest]
        ? [...(IsInjected<A[0]> extends true ? [] : Head<A, Rest>), ...Given<Rest>]
        : A;

/** Options come last; after a rest parameter there is no place for them. */
type WithOptions<A extends readonly unknown[]> = number extends A['length'] ? A : [...A, options?: CallOptions];

/** What an observable gives last, what a promise gives, or the value itself. */
type Reply<R> = Awaited<Awaited<R> extends { forEach(next: (value: infer V) => void): Promise<void> } ? V : Awaited<R>>;

/**
 * The handlers of a service as its callers see them: methods only, without parameters that the callee fills in (`RpcContext`, `Meta`, `Session`,
 * `Injected<T>`), with the options of the call as last argument, and always a promise. What exists at run time are the methods with `@Handler`.
 * @public
 */
export type Client<T> = {
  readonly [K in keyof T as K extends Hidden ? never : T[K] extends AnyMethod ? K : never]: T[K] extends (...args: infer A) => infer R
    ? (...args: WithOptions<Given<A>>) => Promise<Reply<R>>
    : never;
};

/**
 * A value of the same name, so that `import { Client }` compiles with isolatedModules and decorator metadata. It is a type: nothing to call.
 * @throws BootError CLIENT_IS_A_TYPE
 */
export function Client(): never {
  throw new BootError('CLIENT_IS_A_TYPE', 'Client<T> is a type; inject a client with @InjectClient(Class)');
}
