import { markedMethods } from '../../../metadata/marked-methods.js';
import { readParams } from '../../../wiring/handler-params.js';
import type { DeclaredRoute, PublicHandler } from '../declared-routes.js';
import { HTTP_DOCS, type HttpDocOptions } from '../http-doc.decorator.js';
import type { ResolvedHttpOptions } from '../http.options.js';
import type { Content, OpenApiDocument, Operation } from './document.js';
import type { ClassSchemas, JsonSchema } from './json-schema.js';
import { requestOf } from './request-shape.js';
import { SchemaBook } from './schema-book.js';

const PROBLEM_SCHEMA = {
  type: 'object',
  properties: {
    ...Object.fromEntries(['type', 'title', 'detail', 'code', 'reason', 'requestId'].map((key) => [key, { type: 'string' }])),
    status: { type: 'integer' },
    details: {},
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'reason', 'requestId'],
};
const PROBLEM = { description: 'What went wrong (RFC 9457)', content: { 'application/problem+json': { schema: PROBLEM_SCHEMA } } };

/**
 * The document of what a gateway serves: public handlers on the default route, and routes on handlers. Route tables of the gateway are not in it: it cannot see their handlers.
 * @param classes undefined: classes are known by name only
 */
export function openApi(
  declared: { readonly routes: readonly DeclaredRoute[]; readonly handlers: readonly PublicHandler[] },
  { info, defaultRoute }: Pick<ResolvedHttpOptions, 'info' | 'defaultRoute'>,
  classes: ClassSchemas | undefined,
): OpenApiDocument {
  const book = new SchemaBook(classes);
  const paths: Record<string, Record<string, Operation>> = {};
  const add = (path: string, verb: string, operation: Operation): void => void ((paths[path] ??= {})[verb] = operation);
  for (const route of declared.routes) add(route.path.replace(/:([^/]+)/g, '{$1}'), route.verb.toLowerCase(), declaredOperation(route, book));
  for (const handler of declared.handlers) {
    if (!defaultRoute || !handler.fn.startsWith('/') || (defaultRoute.services && !defaultRoute.services.includes(handler.type))) continue;
    add(`${defaultRoute.prefix}/${handler.type}${handler.fn.replace(/[{}]/g, encodeURIComponent)}`, 'post', defaultOperation(handler, book));
  }
  const tags = [...new Set(Object.values(paths).flatMap((verbs) => Object.values(verbs).flatMap((operation) => operation.tags)))];
  return { openapi: '3.1.0', info, tags: tags.map((name) => ({ name })), paths, components: { schemas: book.components, responses: { Problem: PROBLEM } } };
}

/** A POST of the arguments one by one. */
function defaultOperation(handler: PublicHandler, book: SchemaBook): Operation {
  const { params, returnType } = readParams(handler.classRef, handler.method);
  const { schemas, needed, open } = book.arguments(params);
  const list: JsonSchema = { type: 'array', ...(schemas.length > 0 && { prefixItems: schemas }), minItems: needed, ...(!open && { maxItems: schemas.length }) };
  const hasBody = schemas.length > 0 || open;
  return operation(handler, `${handler.type}${handler.fn}`, { ...(hasBody && { requestBody: jsonBody(list, needed > 0) }) }, 200, returnType, book);
}

function declaredOperation(route: DeclaredRoute, book: SchemaBook): Operation {
  const { params, returnType } = readParams(route.classRef, route.method);
  const { parameters, body } = requestOf(route, book.arguments(params), book);
  const request = { ...(parameters.length > 0 && { parameters }), ...(body && { requestBody: jsonBody(body.schema, body.required) }) };
  return operation(route, `${route.verb} ${route.path} ${route.type}${route.fn}`, request, route.options.status ?? 200, returnType, book);
}

function operation(handler: PublicHandler, operationId: string, request: Pick<Operation, 'parameters' | 'requestBody'>, status: number, returnType: unknown, book: SchemaBook): Operation {
  const { summary, description, deprecated, tags = [handler.type], result = returnType } = docOf(handler);
  const good: Content = status === 204 ? { description: 'Done' } : { description: 'The result', content: { 'application/json': { schema: book.of(result, 'output') } } };
  return {
    operationId,
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
    ...(deprecated === true && { deprecated }),
    tags,
    ...request,
    responses: { [status]: good, default: { $ref: '#/components/responses/Problem' } },
  };
}

function docOf({ classRef, method }: PublicHandler): HttpDocOptions {
  return markedMethods(HTTP_DOCS, classRef).find((marked) => marked.method === method)?.doc ?? {};
}

function jsonBody(schema: JsonSchema, required: boolean): Content {
  return { required, content: { 'application/json': { schema } } };
}
