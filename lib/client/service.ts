import { checked, type ClientSchema } from './schema.js';

/** @public */
export interface RequestOptions {
  /** @default 10000 */
  timeoutMs?: number;
}

/** Methods of a service, by the name of the handler that a client calls: `{ say: 'HD_say' }`. @public */
export type ServiceMap<T> = { readonly [K in keyof T]?: T[K] extends (...args: never[]) => unknown ? string : never };

/** The body that a handler takes: its first argument that is no session and no context. */
type BodyOf<A extends readonly unknown[]> = A extends readonly [infer First, ...infer Rest]
  ? First extends { readonly __anthillInjected: true }
    ? BodyOf<Rest>
    : First
  : undefined;

/** A service as a client sees it. @public */
export type GateService<T, M> = {
  readonly [K in keyof M & keyof T]: T[K] extends (...args: infer A) => infer R ? (body: BodyOf<A>, options?: RequestOptions) => Promise<Awaited<R>> : never;
};

/** A handler of a service whose class the client has not. @public */
export interface MethodSchemas {
  /** `HD_say` */
  readonly path: string;
  /** Checked before it is sent. @default anything */
  readonly body?: ClientSchema;
  /** Checks the answer. @default anything */
  readonly reply?: ClientSchema;
}

type InputOf<S> = S extends ClientSchema<infer Input> ? Input : unknown;
type OutputOf<S> = S extends ClientSchema<unknown, infer Output> ? Output : unknown;

/** The same by schemas. @public */
export type SchemaService<S> = {
  readonly [K in keyof S]: (body: S[K] extends { readonly body: infer B } ? InputOf<B> : unknown, options?: RequestOptions) => Promise<S[K] extends { readonly reply: infer R } ? OutputOf<R> : unknown>;
};

/** What sends requests. */
type Request = (target: string, body: unknown, options?: RequestOptions) => Promise<unknown>;

export function serviceOf(request: Request, type: string, methods: Readonly<Record<string, string | MethodSchemas>>): object {
  const service: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(methods)) {
    const { path, body: bodySchema, reply } = typeof method === 'string' ? { path: method } : method;
    const target = `${type}/${path}`;
    service[name] = async (body: unknown, options?: RequestOptions) => {
      const sent = bodySchema === undefined ? body : await checked(body, bodySchema as ClientSchema, `the body for ${target}`);
      const answer = await request(target, sent, options);
      return reply === undefined ? answer : checked(answer, reply as ClientSchema, `the answer of ${target}`);
    };
  }
  return Object.freeze(service);
}
