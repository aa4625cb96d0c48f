import { GateError } from './gate-error.js';

/** The interface that schema libraries share (Standard Schema 1.0: standardschema.dev): zod, valibot, arktype and others keep it. @public */
export interface ClientSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** @public */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined }[] };

/** The value as the schema lets it through. @throws GateError invalid */
export async function checked<T>(value: unknown, schema: ClientSchema<unknown, T>, what: string): Promise<T> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const told = result.issues.slice(0, 3).map(({ message, path = [] }) => (path.length === 0 ? message : `${path.map((key) => String(typeof key === 'object' ? key.key : key)).join('.')}: ${message}`));
  throw new GateError('invalid', `${what} is not what its schema says: ${told.join('; ')}`);
}
