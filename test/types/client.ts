/* Compiled with the project, never run: a wrong line here fails the build. */
import type { Observable } from 'rxjs';
import type { RpcContext } from '../../lib/common/call-context.js';
import type { Injected } from '../../lib/common/injected.js';
import type { GateSession } from '../../lib/rpc/gate-session.js';
import type { Meta } from '../../lib/metadata/params.decorator.js';
import type { Client } from '../../lib/rpc/client-type.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <T extends true>(_proof?: T): void => undefined;

interface User {
  id: string;
}

declare class Hello {
  readonly count: number;
  private secret(): void;
  onModuleInit(): void;
  run(signal: AbortSignal): Promise<void>;
  sayHi(name: string): string;
  later(name: string, times: number): Promise<string[]>;
  withContext(id: string, ctx: RpcContext): Promise<User>;
  contextFirst(ctx: RpcContext, id: string): User;
  withSession(id: string, session: GateSession, limit: number): void;
  contextBetween(id: string, ctx: RpcContext, meta: Meta, lang: Meta<string | undefined>, limit: number): void;
  custom(user: Injected<User>, id: number): void;
  optional(id: string, limit?: number): void;
  optionalContext(id: string, ctx?: RpcContext): void;
  nullable(name: string | null, ctx: RpcContext | undefined): void;
  rest(first: string, ...more: number[]): void;
  loose(value: any): any; // eslint-disable-line @typescript-eslint/no-explicit-any
  unknown(value: unknown): unknown;
  watch(id: string): Observable<number>;
  laterWatch(id: string): Promise<Observable<number>>;
  list(): Promise<readonly string[]>;
  property: (name: string) => Promise<string>;
}

declare const client: Client<Hello>;
type C = Client<Hello>;

export function right(): void {
  const text: Promise<string> = client.sayHi('x');
  const many: Promise<string[]> = client.later('x', 2, { timeoutMs: 100 });
  const user: Promise<User> = client.withContext('1');
  void client.withContext('1', { metadata: { 'x-a': 'b' } });
  void client.contextFirst('1');
  void client.withSession('1', 2, { timeoutMs: 1 });
  void client.contextBetween('1', 10);
  void client.custom(1);
  void client.optional('1');
  void client.optional('1', 2, { timeoutMs: 1 });
  void client.optionalContext('1', { timeoutMs: 1 });
  void client.nullable(null);
  void client.rest('a', 1, 2, 3);
  void client.loose({ anything: true });
  void client.unknown(1);
  void client.property('x', { hashKey: 'x' });
  void [text, many, user];
  isTrue<Equal<keyof C & ('onModuleInit' | 'run' | 'count' | 'secret'), never>>();
  isTrue<Equal<ReturnType<C['watch']>, Promise<number>>>();
  isTrue<Equal<ReturnType<C['laterWatch']>, Promise<number>>>();
  isTrue<Equal<ReturnType<C['list']>, Promise<readonly string[]>>>();
  isTrue<Equal<ReturnType<C['sayHi']>, Promise<string>>>();
  isTrue<Equal<ReturnType<C['contextBetween']>, Promise<void>>>();
  isTrue<Equal<Parameters<C['contextBetween']>['length'], 2 | 3>>();
}

export function wrong(): void {
  // @ts-expect-error wrong argument type
  void client.sayHi(1);
  // @ts-expect-error too few
  void client.sayHi();
  // @ts-expect-error too many: the last is not options
  void client.sayHi('x', 'y');
  // @ts-expect-error an option that does not exist
  void client.sayHi('x', { timeout: 5 });
  // @ts-expect-error the context is not the caller's to give
  void client.withContext('1', {} as RpcContext, {});
  // @ts-expect-error wrong type after a dropped parameter
  void client.contextBetween('1', 'ten');
  // @ts-expect-error the result is a promise
  const text: string = client.sayHi('x');
  // @ts-expect-error lifecycle methods are not handlers
  void client.onModuleInit;
  // @ts-expect-error nor is run
  void client.run;
  // @ts-expect-error fields are not handlers
  void client.count;
  // @ts-expect-error private methods are not handlers
  void client.secret;
  // @ts-expect-error rest arguments are typed
  void client.rest('a', 'b');
  void text;
}
