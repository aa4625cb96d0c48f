import { readParams } from '../../../wiring/handler-params.js';
import type { DeclaredRoute, PublicHandler } from '../declared-routes.js';
import type { ResolvedHttpOptions } from '../http.options.js';
import { argumentSchemas, type JsonSchema, typeSchema } from './schema-of.js';

/** Of OpenAPI 3.1, as far as it is looked at here. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: object;
}

const PROBLEM = { $ref: '#/components/responses/Problem' };
const COMPONENTS = {
  schemas: {
    Problem: {
      type: 'object',
      properties: {
        ...Object.fromEntries(['type', 'title', 'detail', 'code', 'reason', 'requestId'].map((key) => [key, { type: 'string' }])),
        status: { type: 'integer' },
        details: {},
      },
      required: ['type', 'title', 'status', 'detail', 'code', 'reason', 'requestId'],
    },
  },
  responses: { Problem: { description: 'What went wrong', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } } },
};

/** The document of what a gateway serves: public handlers on the default route, and routes on handlers. Route tables of the gateway are not in it: it cannot see their handlers. */
export function openApi(declared: { readonly routes: readonly DeclaredRoute[]; readonly handlers: readonly PublicHandler[] }, { info, defaultRoute }: Pick<ResolvedHttpOptions, 'info' | 'defaultRoute'>): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  const add = (path: string, verb: string, operation: Operation): void => void ((paths[path] ??= {})[verb] = operation);
  for (const route of declared.routes) add(route.path.replace(/:([^/]+)/g, '{$1}'), route.verb.toLowerCase(), declaredOperation(route));
  for (const handler of declared.handlers) {
    if (!defaultRoute || !handler.fn.startsWith('/') || (defaultRoute.services && !defaultRoute.services.includes(handler.type))) continue;
    add(`${defaultRoute.prefix}/${handler.type}${handler.fn.replace(/[{}]/g, encodeURIComponent)}`, 'post', defaultOperation(handler));
  }
  return { openapi: '3.1.0', info, paths, components: COMPONENTS };
}

function defaultOperation({ type, fn, classRef, method }: PublicHandler): Operation {
  const { params, returnType } = readParams(classRef, method);
  const { schemas, needed, open } = argumentSchemas(params);
  const list: JsonSchema = { type: 'array', ...(schemas.length > 0 && { prefixItems: schemas }), minItems: needed, ...(!open && { maxItems: schemas.length }) };
  return {
    operationId: `${type}${fn}`,
    tags: [type],
    ...((schemas.length > 0 || open) && { requestBody: jsonBody(list, needed > 0) }),
    responses: responses(200, returnType),
  };
}

function declaredOperation({ type, fn, verb, path, options, classRef, method }: DeclaredRoute): Operation {
  const { params, returnType } = readParams(classRef, method);
  const { schemas, needed } = argumentSchemas(params);
  const names = [...path.matchAll(/:([^/]+)/g)].map((match) => match[1]!);
  const parameters = new Map<string, object>(names.map((name) => [`path ${name}`, { name, in: 'path', required: true, schema: { type: 'string' } }]));
  const body: Record<string, JsonSchema> = {};
  let whole = options.args === undefined && verb !== 'GET' ? (schemas[0] ?? {}) : undefined;
  options.args?.forEach((source, i) => {
    const dot = source.indexOf('.');
    const [from, name] = dot < 0 ? [source, undefined] : [source.slice(0, dot), source.slice(dot + 1)];
    const schema = schemas[i] ?? {};
    if (name === undefined) {
      if (from === 'body') whole = schema;
    } else if (from === 'body') body[name] = schema;
    else if (from === 'params') parameters.set(`path ${name}`, { name, in: 'path', required: true, schema });
    else parameters.set(`${from} ${name}`, { name, in: from === 'query' ? 'query' : 'header', required: i < needed, schema });
  });
  if (whole === undefined && Object.keys(body).length > 0) whole = { type: 'object', properties: body };
  return {
    operationId: `${verb} ${path} ${type}${fn}`,
    tags: [type],
    ...(parameters.size > 0 && { parameters: [...parameters.values()] }),
    ...(whole !== undefined && { requestBody: jsonBody(whole, false) }),
    responses: responses(options.status ?? 200, returnType),
  };
}

function jsonBody(schema: JsonSchema, required: boolean): object {
  return { required, content: { 'application/json': { schema } } };
}

function responses(status: number, returnType: unknown): object {
  const good = status === 204 ? { description: 'Done' } : { description: 'The result', content: { 'application/json': { schema: typeSchema(returnType) } } };
  return { [status]: good, default: PROBLEM };
}
