import { Inject } from '@nestjs/common';
import { BootError } from '../common/boot-error.js';
import { needModule } from '../metadata/needed-module.js';
import { DatabaseWant } from './database-want.js';
import { databases } from './database.supplier.js';
import { dbToken, DEFAULT_DATABASE } from './tokens.js';
import type { TransactionHost, TransactionOptions } from './transaction-options.js';

/** @public */
export interface TransactionalOptions extends TransactionOptions {
  /** Name of the database. @default `default` */
  db?: string;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Runs a method in a transaction: commits when it returns, rolls back when it throws. Called inside of a transaction of the same database it
 * joins, behind a savepoint. Works on handlers and on methods of any provider; guards, interceptors and pipes of a handler run before it begins.
 * The method returns a promise; await everything it starts.
 * @throws BootError TRANSACTIONAL_TARGET
 * @public
 */
export function Transactional({ db = DEFAULT_DATABASE, ...options }: TransactionalOptions = {}): MethodDecorator {
  const property = Symbol.for(`anthill: transactions of '${db}'`);
  return (target, key, descriptor) => {
    const consumer = target.constructor;
    const origin = `${consumer.name}.${String(key)}`;
    const method = checkedMethod(target, descriptor?.value, origin);
    needModule(consumer, databases, new DatabaseWant(db));
    Inject(dbToken(db))(target, property);
    const wrapper = function (this: object, ...args: unknown[]): Promise<unknown> {
      const host = (this as Record<symbol, unknown>)[property] as Partial<TransactionHost> | undefined;
      if (typeof host?.runInTransaction !== 'function') return Promise.reject(withoutHost(origin, db, host));
      return host.runInTransaction(options, () => method.apply(this, args));
    };
    standIn(wrapper as Method, method);
    descriptor!.value = wrapper as never;
  };
}

function checkedMethod(target: object, value: unknown, origin: string): Method {
  if (typeof target === 'function') throw new BootError('TRANSACTIONAL_TARGET', `@Transactional of ${target.name} is on a static method: it has no instance whose database it could use; remove "static"`);
  if (typeof value !== 'function') throw new BootError('TRANSACTIONAL_TARGET', `@Transactional of ${origin} is on no method; write a method: ${origin.split('.')[1]}(...) { ... }`);
  if (/Generator/.test(Object.prototype.toString.call(value))) {
    throw new BootError('TRANSACTIONAL_TARGET', `@Transactional of ${origin} is on a generator: the transaction would be open for as long as its reader takes; read in a method that returns the rows`);
  }
  return value as Method;
}

/** Others look at the method: how many parameters it has, and what decorators have written on it. */
function standIn(wrapper: Method, method: Method): void {
  Object.defineProperty(wrapper, 'name', { value: method.name, configurable: true });
  Object.defineProperty(wrapper, 'length', { value: method.length, configurable: true });
  for (const key of Reflect.getOwnMetadataKeys(method)) Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapper);
}

function withoutHost(origin: string, db: string, host: unknown): Error {
  const what = host === undefined ? 'it was not made by Nest, which would have injected the database' : 'what is injected as its database has no transactions of ours';
  return new Error(`${origin} is @Transactional, and this instance cannot run it: ${what}; list the class in providers, and provide dbToken('${db}') by DatabaseModule`);
}
