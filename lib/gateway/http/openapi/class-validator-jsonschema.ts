import { type ClassSchemas, COMPONENTS, type JsonSchema, withReferences } from './json-schema.js';
import { typeStorage } from './class-transformer.js';

/** A decorator of class-validator on a property. */
interface PropertyRule {
  readonly target: Function | string;
  readonly propertyName: string;
  readonly constraints: readonly unknown[];
}

interface Options {
  readonly refPointerPrefix: string;
  readonly classTransformerMetadataStorage?: object;
  readonly additionalConverters: Readonly<Record<string, (rule: PropertyRule) => JsonSchema>>;
}

/** As much of the package as is used here. */
interface JsonSchemaPackage {
  validationMetadatasToSchemas(options: Options): Record<string, JsonSchema>;
  targetConstructorToSchema(type: Function, options: Options): JsonSchema;
}

/** Bounds leave the type to the others: the last decorator of a property would decide it, and `@Min` knows no integers. */
const CONVERTERS: Options['additionalConverters'] = {
  min: ({ constraints }) => ({ minimum: constraints[0] }),
  max: ({ constraints }) => ({ maximum: constraints[0] }),
  isPositive: () => ({ exclusiveMinimum: 0 }),
  isNegative: () => ({ exclusiveMaximum: 0 }),
  isDivisibleBy: ({ constraints }) => ({ multipleOf: constraints[0] }),
  isNotEmpty: ({ target, propertyName }) => (designType(target, propertyName) === String ? { minLength: 1 } : {}),
  isDateString: () => ({ type: 'string', format: 'date-time' }),
  isDate: () => ({ type: 'string', format: 'date-time' }),
  isEnum: ({ constraints }) => enumOf(constraints[0] as Record<string, string | number>),
};

const TYPES = new Map<unknown, JsonSchema>([
  [String, { type: 'string' }],
  [Number, { type: 'number' }],
  [Boolean, { type: 'boolean' }],
  [Array, { type: 'array' }],
  [Date, { type: 'string', format: 'date-time' }],
]);

/**
 * Classes with decorators of class-validator as JSON Schemas; `@JSONSchema({ description })` of class-validator-jsonschema adds what decorators cannot say.
 * Undefined where that package is not installed.
 */
export async function classSchemas(): Promise<ClassSchemas | undefined> {
  let tool: JsonSchemaPackage;
  try {
    const loaded = (await import('class-validator-jsonschema' as string)) as JsonSchemaPackage & { default?: JsonSchemaPackage };
    tool = loaded.default ?? loaded;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
  const storage = await typeStorage();
  const options: Options = { refPointerPrefix: COMPONENTS, additionalConverters: CONVERTERS, ...(storage && { classTransformerMetadataStorage: storage }) };
  const all = tool.validationMetadatasToSchemas(options);
  const components: Record<string, JsonSchema> = {};
  const classes = new Map<string, Function>();
  const keep = (name: string, schema: JsonSchema): void => {
    components[name] = schema;
    withReferences(schema, (target) => {
      const other = target.slice(COMPONENTS.length);
      if (!(other in components)) keep(other, all[other] ?? { type: 'object', title: other });
      return target;
    });
  };
  return {
    components,
    of(type) {
      if (all[type.name] === undefined) return undefined;
      const schema = withTypes(type, tool.targetConstructorToSchema(type, options));
      // Two classes of one name: only one can be the component.
      if (classes.has(type.name) && classes.get(type.name) !== type) return schema;
      classes.set(type.name, type);
      keep(type.name, schema);
      return { $ref: `${COMPONENTS}${type.name}` };
    },
  };
}

/** Properties of which no decorator says a type have TypeScript's. */
function withTypes(type: Function, schema: JsonSchema): JsonSchema {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const typed = properties.map(([name, property]) => ['type', '$ref', 'anyOf', 'oneOf', 'enum'].some((key) => key in property) ? [name, property] : [name, { ...TYPES.get(designType(type, name)), ...property }]);
  return { ...schema, properties: Object.fromEntries(typed) as Record<string, JsonSchema> };
}

function designType(target: Function | string, property: string): unknown {
  return typeof target === 'function' ? Reflect.getMetadata('design:type', target.prototype as object, property) : undefined;
}

/** Enums of numbers have their names as values too. */
function enumOf(values: Readonly<Record<string, string | number>>): JsonSchema {
  const own = [...new Set(Object.entries(values).filter(([key]) => !/^-?\d+$/.test(key)).map(([, value]) => value))];
  const kinds = new Set(own.map((value) => typeof value));
  return { enum: own, ...(kinds.size === 1 && { type: kinds.has('number') ? 'number' : 'string' }) };
}
