import type { DeclaredRoute } from '../declared-routes.js';
import type { JsonSchema } from './json-schema.js';
import type { Parameter } from './document.js';
import type { ArgumentSchemas, SchemaBook } from './schema-book.js';

/** What a request of a route on a handler has. */
export interface RequestShape {
  readonly parameters: readonly Parameter[];
  readonly body: { readonly schema: JsonSchema; readonly required: boolean } | undefined;
}

/** Which methods have a body that is read. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Says where the arguments of a handler are in a request. */
export function requestOf({ path, verb, options }: DeclaredRoute, { schemas, needed }: ArgumentSchemas, book: SchemaBook): RequestShape {
  const parameters = new Map<string, Parameter>();
  const put = (where: Parameter['in'], name: string, required: boolean, schema: JsonSchema): void => {
    const { description } = schema;
    parameters.set(`${where} ${name}`, { name, in: where, required: required || where === 'path', ...(typeof description === 'string' && { description }), schema });
  };
  /** Each property of an object is a parameter of its own. */
  const spread = (where: Parameter['in'], schema: JsonSchema): void => {
    const { properties = {}, required = [] } = book.resolved(schema) as { properties?: Record<string, JsonSchema>; required?: readonly string[] };
    for (const [name, property] of Object.entries(properties)) if (!parameters.has(`path ${name}`)) put(where, name, required.includes(name), property);
  };
  for (const [, name] of path.matchAll(/:([^/]+)/g)) put('path', name!, true, { type: 'string' });
  const fields: Record<string, JsonSchema> = {};
  const neededFields: string[] = [];
  let body: RequestShape['body'];
  const { args } = options;
  if (args === undefined) {
    const [schema = {}] = schemas;
    if (BODILESS.has(verb)) spread('query', schema);
    else body = { schema, required: needed > 0 };
  }
  args?.forEach((source, i) => {
    const dot = source.indexOf('.');
    const [from, name] = dot < 0 ? [source, undefined] : [source.slice(0, dot), source.slice(dot + 1)];
    const schema = schemas[i] ?? {};
    const isNeeded = i < needed;
    if (from === 'body' && name === undefined) body = { schema, required: isNeeded };
    else if (from === 'body') fields[name!] = schema;
    else if (name === undefined) spread(from === 'params' ? 'path' : 'query', schema);
    else put(from === 'params' ? 'path' : from === 'query' ? 'query' : 'header', name, isNeeded, schema);
    if (from === 'body' && name !== undefined && isNeeded) neededFields.push(name);
  });
  if (body === undefined && Object.keys(fields).length > 0) {
    body = { schema: { type: 'object', properties: fields, ...(neededFields.length > 0 && { required: neededFields }) }, required: neededFields.length > 0 };
  }
  return { parameters: [...parameters.values()], body };
}
