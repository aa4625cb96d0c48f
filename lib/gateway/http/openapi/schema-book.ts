import type { HandlerParam } from '../../../wiring/handler-params.js';
import { type ClassSchemas, COMPONENTS, type JsonSchema, withReferences } from './json-schema.js';

type Side = 'input' | 'output';

/** A schema of the Standard Schema family that can be shown as JSON Schema: by the standard's own way, or by methods of older versions of zod and of arktype. */
interface Showable {
  readonly '~standard'?: { readonly jsonSchema?: Partial<Record<Side, (options: { target: string }) => JsonSchema>> };
  readonly toJSONSchema?: () => JsonSchema;
  readonly toJsonSchema?: () => JsonSchema;
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

/** Positional arguments of a handler, and how many are needed. */
export interface ArgumentSchemas {
  readonly schemas: readonly JsonSchema[];
  readonly needed: number;
  /** It takes more than are named. */
  readonly open: boolean;
}

/** The schemas of a document: what handlers take and give, and what several of them refer to. */
export class SchemaBook {
  private readonly hoisted: Record<string, JsonSchema> = {};

  constructor(private readonly classes: ClassSchemas | undefined) {}

  get components(): Readonly<Record<string, JsonSchema>> {
    return { ...this.classes?.components, ...this.hoisted };
  }

  /** Of a class, a list of one (`[Item]`), a Standard Schema, or a type of TypeScript's metadata. */
  of(type: unknown, side: Side): JsonSchema {
    if (Array.isArray(type) && type.length === 1) return { type: 'array', items: this.of(type[0], side) };
    const shown = this.shown(type as Showable | undefined, side);
    if (shown) return shown;
    const known = BY_TYPE.get(type);
    if (known) return known;
    if (typeof type !== 'function' || type === Object || type === Promise) return {};
    return this.classes?.of(type) ?? { type: 'object', title: type.name };
  }

  /** What handlers take, argument by argument. */
  arguments(params: readonly HandlerParam[]): ArgumentSchemas {
    const schemas: JsonSchema[] = [];
    const properties: Record<string, JsonSchema> = {};
    const required: string[] = [];
    let needed = 0;
    let open = false;
    for (const param of params) {
      const { source } = param;
      const schema = this.of(param.schema ?? param.metatype, 'input');
      if (source.from === 'arg') schemas[source.arg] = schema;
      if (source.from === 'arg' && param.required) needed = Math.max(needed, source.arg + 1);
      if (source.from === 'property') properties[source.property] = schema;
      if (source.from === 'property' && param.required) required.push(source.property);
      if (source.from === 'rest') open = true;
    }
    if (Object.keys(properties).length > 0) {
      schemas[0] ??= { type: 'object', properties, ...(required.length > 0 && { required }) };
      needed = Math.max(needed, 1);
    }
    return { schemas: Array.from(schemas, (schema) => schema ?? {}), needed, open };
  }

  /** What a schema refers to, or itself. */
  resolved(schema: JsonSchema): JsonSchema {
    const { $ref } = schema;
    return typeof $ref === 'string' && $ref.startsWith(COMPONENTS) ? (this.components[$ref.slice(COMPONENTS.length)] ?? schema) : schema;
  }

  private shown(schema: Showable | undefined, side: Side): JsonSchema | undefined {
    if (schema === undefined || schema === null || !('~standard' in Object(schema))) return undefined;
    try {
      const found = schema['~standard']?.jsonSchema?.[side]?.({ target: 'draft-2020-12' }) ?? schema.toJSONSchema?.() ?? schema.toJsonSchema?.();
      if (found === undefined) return undefined;
      const { $schema: _dialect, ...rest } = found;
      return this.placed(rest);
    } catch {
      // Of a type that JSON has not.
      return undefined;
    }
  }

  /** A schema that refers to parts of itself becomes a component: within the document, `#` is the document. */
  private placed(schema: JsonSchema): JsonSchema {
    if (!JSON.stringify(schema).includes('"$ref":"#')) return schema;
    const base = (typeof schema['title'] === 'string' ? schema['title'] : 'Schema').replace(/[^\w.-]/g, '_');
    let name = base;
    for (let n = 2; name in this.components; n++) name = `${base}${n}`;
    const { $defs = {}, ...own } = schema;
    const moved = (target: string): string => (target === '#' ? `${COMPONENTS}${name}` : target.startsWith('#/$defs/') ? `${COMPONENTS}${name}.${target.slice('#/$defs/'.length)}` : target);
    this.hoisted[name] = withReferences(own, moved) as JsonSchema;
    for (const [key, part] of Object.entries($defs as Record<string, JsonSchema>)) this.hoisted[`${name}.${key}`] = withReferences(part, moved) as JsonSchema;
    return { $ref: `${COMPONENTS}${name}` };
  }
}
