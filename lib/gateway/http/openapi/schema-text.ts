import { COMPONENTS, type JsonSchema } from './json-schema.js';

/** What bounds a value, besides its type. */
const BOUNDS: Readonly<Record<string, string>> = {
  minimum: '≥',
  exclusiveMinimum: '>',
  maximum: '≤',
  exclusiveMaximum: '<',
  minLength: 'length ≥',
  maxLength: 'length ≤',
  minItems: 'items ≥',
  maxItems: 'items ≤',
  multipleOf: 'multiple of',
  pattern: 'like',
  default: 'default',
};

/** A schema as people read types, in HTML: `{ id: string (uuid), tags: string[] }`, with links to components. */
export function schemaText(schema: JsonSchema, depth = 0): string {
  const { $ref, enum: values, anyOf, oneOf, format } = schema as { $ref?: string; enum?: readonly unknown[]; anyOf?: readonly JsonSchema[]; oneOf?: readonly JsonSchema[]; format?: string };
  if ($ref !== undefined) {
    const name = html($ref.replace(COMPONENTS, ''));
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if ('const' in schema) return html(JSON.stringify(schema['const']));
  if (values !== undefined) return values.map((value) => html(JSON.stringify(value))).join(' | ');
  const union = anyOf ?? oneOf;
  if (union !== undefined) return union.map((item) => schemaText(item, depth)).join(' | ');
  const notes = [...(format === undefined ? [] : [format]), ...Object.entries(BOUNDS).flatMap(([key, word]) => (key in schema ? [`${word} ${typeof schema[key] === 'string' ? schema[key] : JSON.stringify(schema[key])}`] : []))];
  return `${shape(schema, depth)}${notes.length > 0 ? ` <i>(${html(notes.join(', '))})</i>` : ''}`;
}

function shape({ type, items, prefixItems, properties, required = [], title }: JsonSchema, depth: number): string {
  if (prefixItems !== undefined) return `[${(prefixItems as readonly JsonSchema[]).map((item) => schemaText(item, depth)).join(', ')}]`;
  if (type === 'array') return `${items === undefined ? 'any' : schemaText(items as JsonSchema, depth)}[]`;
  if (properties === undefined) return html(typeof title === 'string' && type === 'object' ? title : Array.isArray(type) ? type.join(' | ') : typeof type === 'string' ? type : 'any');
  const indent = '  '.repeat(depth + 1);
  const lines = Object.entries(properties as Record<string, JsonSchema>).map(([name, property]) => {
    const { description } = property;
    const words = typeof description === 'string' ? ` <em>${html(description)}</em>` : '';
    return `${indent}${html(name)}${(required as readonly string[]).includes(name) ? '' : '?'}: ${schemaText(property, depth + 1)}${words}`;
  });
  return `{\n${lines.join('\n')}\n${'  '.repeat(depth)}}`;
}

export function html(value: string): string {
  return value.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
