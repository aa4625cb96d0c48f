import { forwardRef, Inject } from '@nestjs/common';
import { BootError } from '../common/boot-error.js';
import type { ClientOptions } from '../common/client-contract.js';
import { defineMetadata } from './define-metadata.js';
import type { InjectDecorator } from './inject.decorator.js';
import type { ClientClass } from './tokens.js';

/** A contract, or a function that gives it later, where imports are circular. @public */
export type ClientRef = ClientClass | (() => ClientClass);

/** A client as some class wants it; `token` is its provider's. */
export interface ClientVariant {
  readonly options: ClientOptions | undefined;
  readonly token: symbol;
}

/** A place where a client is injected. */
export interface ClientUse {
  readonly options: ClientOptions | undefined;
  /** Call it when all files are loaded. */
  readonly contract: () => ClientClass;
  readonly token: () => symbol;
}

/** On the contract: the tokens its clients are provided under. */
const CLIENT_VARIANTS = defineMetadata<readonly ClientVariant[]>('client variants');
/** On the consumer. */
const CLIENT_USES = defineMetadata<readonly ClientUse[]>('client uses');

/**
 * Injects a typed client of another service: `@InjectClient(HelloWorld) hello: Client<HelloWorld>`.
 * @param ref a class with `@RpcModule` or `@RpcContract`, or `() => Class` where two files import each other
 * @public
 */
export function InjectClient(ref: ClientRef, options?: ClientOptions): InjectDecorator {
  const decorate = (target: object, key: string | symbol | undefined, index?: number) => {
    const consumer = (index === undefined ? target.constructor : target) as Function;
    if (typeof ref !== 'function') {
      throw new BootError('CLIENT_CONTRACT', `@InjectClient in ${consumer.name} got ${String(ref)} instead of a class; do the two files import each other? Then write @InjectClient(() => Class)`);
    }
    const isClass = typeof ref.prototype === 'object';
    const contract = isClass ? () => ref as ClientClass : (ref as () => ClientClass);
    const token = () => clientToken(contract(), options);
    CLIENT_USES.write(consumer, [...(CLIENT_USES.own(consumer) ?? []), Object.freeze({ options, contract, token })]);
    const late = () => lateToken(contract(), options, consumer);
    const inject = Inject(isClass ? token() : forwardRef(late)) as typeof decorate;
    inject(target, key, index);
  };
  return decorate as InjectDecorator;
}

/** The token of a client: one per contract, and one more for each options object. */
export function clientToken(contract: ClientClass, options?: ClientOptions): symbol {
  const variants = CLIENT_VARIANTS.own(contract) ?? [];
  const known = variants.find((variant) => variant.options === options);
  if (known) return known.token;
  const { name } = contract;
  const token = Symbol(`Client<${name}> (in a forRoot app, list it: AnthillModule.forRoot({ clients: [${name}] }))`);
  CLIENT_VARIANTS.write(contract, [...variants, Object.freeze({ options, token })]);
  return token;
}

/**
 * The token that Nest asks for when all providers are there. The app has read the classes of its modules before; of other classes it knows
 * the clients that are named by class, and `forRoot({ clients })`, which have no options.
 */
function lateToken(contract: ClientClass, options: ClientOptions | undefined, consumer: Function): symbol {
  const variants = CLIENT_VARIANTS.own(contract);
  if (options === undefined || variants === undefined || variants.some((variant) => variant.options === options)) return clientToken(contract, options);
  const { name } = contract;
  throw new BootError('CLIENT_CONTRACT', `${consumer.name} wants a client of ${name} with options, behind a function, and is outside of the app's modules, where nobody sees that in time; write @InjectClient(${name}, options)`);
}

/** All clients of a contract that are wanted somewhere, the one without options always among them. */
export function clientVariantsOf(contract: ClientClass): readonly ClientVariant[] {
  clientToken(contract);
  return CLIENT_VARIANTS.own(contract) ?? [];
}

/** The clients that a class and what it extends wants. */
export function clientUsesOf(consumer: Function): readonly ClientUse[] {
  const uses: ClientUse[] = [];
  for (let level: object | null = consumer; typeof level === 'function'; level = Object.getPrototypeOf(level) as object | null) {
    uses.push(...(CLIENT_USES.own(level) ?? []));
  }
  return uses;
}
