import { serverSpec } from './server-spec.js';
import type { ObjectSpec, Spec } from './spec.js';
import type serverSchema from './server.schema.json';

/** The type of the published file; naming it makes the compiler put the file into the package. */
export type ServerSchema = typeof serverSchema;

/** A JSON schema (draft 2020-12) of server.json, for editors. The file server.schema.json is this value; a test compares them. */
export function serverJsonSchema(): Record<string, unknown> {
  const schema = toSchema(serverSpec, '#');
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'server.json of Anthill and mqant', ...schema, type: 'object' };
}

/** Null means "not set" at every known key, as it does for mqant. `at` is the JSON pointer of this schema. */
function toSchema(spec: Spec, at: string): Record<string, unknown> {
  const head = { description: spec.doc, ...(spec.default !== undefined && { default: spec.default }) };
  switch (spec.kind) {
    case 'text':
      return { ...head, type: ['string', 'null'], ...(spec.oneOf && { enum: [...spec.oneOf, null] }), ...(spec.pattern && { pattern: spec.pattern }) };
    case 'number':
      return { ...head, type: [spec.integer ? 'integer' : 'number', 'null'], minimum: spec.min, maximum: spec.max };
    case 'boolean':
      return { ...head, type: ['boolean', 'null'] };
    case 'list':
      return { ...head, type: ['array', 'null'], minItems: 1, items: { type: 'string', minLength: 1 } };
    case 'plugin':
      return { ...head, type: ['string', 'object', 'null'], minLength: 1, properties: { name: { type: 'string', minLength: 1 } }, required: ['name'] };
    case 'plugins': {
      const one = { minLength: 1, properties: { name: { type: 'string', minLength: 1 } }, required: ['name'] };
      return { ...head, type: ['string', 'object', 'array', 'null'], ...one, minItems: 1, items: { type: ['string', 'object'], ...one } };
    }
    case 'text-map':
      return { ...head, type: ['object', 'null'], additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } };
    case 'free':
      return { ...head, type: ['object', 'null'] };
    case 'map':
      return { ...head, type: ['object', 'null'], additionalProperties: toSchema(spec.value, `${at}/additionalProperties`) };
    case 'array':
      return { ...head, type: ['array', 'null'], items: toSchema(spec.item, `${at}/items`) };
    case 'object':
      return { ...head, type: ['object', 'null'], properties: properties(spec, at), patternProperties: anyCase(spec, at) };
  }
}

function properties(spec: ObjectSpec, at: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(spec.keys).map(([key, inner]) => [key, toSchema(inner, `${at}/properties/${key}`)]));
}

/** The same keys in any other case: editors offer the proper one, both are checked. */
function anyCase(spec: ObjectSpec, at: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(spec.keys).map((key) => {
      const letters = [...key].map((letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`).join('');
      return [`^(?!${key}$)${letters}$`, { $ref: `${at}/properties/${key}` }];
    }),
  );
}
