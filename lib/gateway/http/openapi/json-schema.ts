/** JSON Schema 2020-12, as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Classes that can be shown as schemas, by whatever describes their properties. */
export interface ClassSchemas {
  /** A reference to the class, or undefined for one that nothing is known of. */
  of(type: Function): JsonSchema | undefined;
  /** What references lead to, by name. */
  readonly components: Readonly<Record<string, JsonSchema>>;
}

export const COMPONENTS = '#/components/schemas/';

/** Calls `visit` with each reference in a schema and puts its answer there. */
export function withReferences(schema: unknown, visit: (target: string) => string): unknown {
  if (Array.isArray(schema)) return schema.map((item) => withReferences(item, visit));
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, key === '$ref' && typeof value === 'string' ? visit(value) : withReferences(value, visit)]));
}
