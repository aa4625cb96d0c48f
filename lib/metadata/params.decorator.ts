import { createParamDecorator, type ExecutionContext, type ParameterDecoratorOptions, type PipeTransform, type Type } from '@nestjs/common';
import type { RpcContext } from '../common/call-context.js';
import type { Injected } from '../common/injected.js';

type Pipe = Type<PipeTransform> | PipeTransform | ParameterDecoratorOptions;

/*
 * These are Nest parameter decorators like any other, so that Nest finds their pipes and schemas. The binder knows the factories by
 * identity and takes a shorter way; the factories themselves serve whoever runs a handler through Nest's own machinery.
 */

/** @internal */
export const payloadFactory = (data: number | string | undefined, host: ExecutionContext): unknown => {
  const args = host.switchToRpc().getData<readonly unknown[]>();
  return typeof data === 'string' ? (args[0] as Record<string, unknown> | undefined)?.[data] : args[data ?? 0];
};
/** @internal */
export const ctxFactory = (_data: unknown, host: ExecutionContext): unknown => host.switchToRpc().getContext<RpcContext>();
/** @internal */
export const metaFactory = (key: string | undefined, host: ExecutionContext): unknown => {
  const { metadata } = host.switchToRpc().getContext<RpcContext>();
  return key === undefined ? metadata : metadata[key];
};

/** @internal */
export const sessionFactory = (_data: unknown, host: ExecutionContext): unknown => host.switchToRpc().getContext<RpcContext>().session;

const payload = createParamDecorator(payloadFactory);
const ctx = createParamDecorator(ctxFactory);
const meta = createParamDecorator(metaFactory);
const session = createParamDecorator(sessionFactory);

/**
 * Says which argument a parameter takes, where the position alone does not, and gives it pipes or a Standard Schema.
 * Without index: the first argument that no other parameter took. `@Payload(1)`: the second one. `@Payload('name')`: that property of the first.
 * @public
 */
export function Payload(...pipes: Pipe[]): ParameterDecorator;
export function Payload(index: number, ...pipes: Pipe[]): ParameterDecorator;
export function Payload(property: string, ...pipes: Pipe[]): ParameterDecorator;
export function Payload(...what: [(number | string | Pipe)?, ...Pipe[]]): ParameterDecorator {
  return payload(...(what as [number | string | undefined, ...Pipe[]]));
}

/** The parameter gets the {@link RpcContext} of the call. @public */
export function Ctx(): ParameterDecorator {
  return ctx();
}

/** The parameter gets the call's metadata, or one entry of it. Type it `Meta` (or `Meta<string | undefined>`), so that `Client<T>` leaves it out. @public */
export function Meta(key?: string, ...pipes: Pipe[]): ParameterDecorator {
  return meta(...([key, ...pipes] as [string | undefined, ...Pipe[]]));
}

/** Type of a parameter with `@Meta()`. @public */
export type Meta<T = Readonly<Record<string, string>>> = Injected<T>;

/** The decorator behind `@Session()`. @internal */
export function SessionParam(): ParameterDecorator {
  return session();
}
