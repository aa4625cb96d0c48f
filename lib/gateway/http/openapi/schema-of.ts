import type { HandlerParam } from '../../../wiring/handler-params.js';

/** JSON Schema 2020-12, as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A schema of the Standard Schema family that can be shown as JSON Schema. */
interface Showable {
  readonly '~standard'?: { readonly jsonSchema?: { input?(options: { target: string }): Record<string, unknown> } };
}

const BY_TYPE = new Map<unknown, JsonSchema>([
  [String, { type: 'string' }],
  [Number, { type: 'number' }],
  [Boolean, { type: 'boolean' }],
  [BigInt, { type: 'integer' }],
  [Array, { type: 'array' }],
  [Date, { type: 'string', format: 'date-time' }],
  [Uint8Array, { type: 'string', contentEncoding: 'base64' }],
  [Buffer, { type: 'string', contentEncoding: 'base64' }],
]);

/** What a parameter takes: by its Standard Schema, where that can say it, else by TypeScript's type. */
export function schemaOf({ schema, metatype }: Pick<HandlerParam, 'schema' | 'metatype'>): JsonSchema {
  return shown(schema as Showable | undefined) ?? typeSchema(metatype);
}

/** What TypeScript's metadata tells: of a class no more than that it is an object. */
export function typeSchema(type: unknown): JsonSchema {
  const known = BY_TYPE.get(type);
  if (known) return known;
  return typeof type === 'function' && type !== Object && type !== Promise ? { type: 'object', title: type.name } : {};
}

function shown(schema: Showable | undefined): JsonSchema | undefined {
  try {
    const found = schema?.['~standard']?.jsonSchema?.input?.({ target: 'draft-2020-12' });
    if (found === undefined) return undefined;
    const { $schema: _dialect, ...rest } = found;
    return rest;
  } catch {
    // Of a type that JSON has not.
    return undefined;
  }
}

/** Positional arguments of a handler as JSON Schemas, and how many are needed. */
export function argumentSchemas(params: readonly HandlerParam[]): { readonly schemas: readonly JsonSchema[]; readonly needed: number; readonly open: boolean } {
  const schemas: JsonSchema[] = [];
  const properties: Record<string, JsonSchema> = {};
  let needed = 0;
  let open = false;
  for (const param of params) {
    const { source, required } = param;
    if (source.from === 'arg') schemas[source.arg] = schemaOf(param);
    if (source.from === 'arg' && required) needed = Math.max(needed, source.arg + 1);
    if (source.from === 'property') properties[source.property] = schemaOf(param);
    if (source.from === 'rest') open = true;
  }
  if (Object.keys(properties).length > 0) {
    schemas[0] ??= { type: 'object', properties };
    needed = Math.max(needed, 1);
  }
  return { schemas: Array.from(schemas, (schema) => schema ?? {}), needed, open };
}
