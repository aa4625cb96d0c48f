/**
 * The interface that schema libraries share (Standard Schema 1.0: standardschema.dev): zod, valibot, arktype and others keep it. Only its types are needed.
 * @public
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** @public */
export type StandardResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

/** @public */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a value can be checked by: a Standard Schema, or a class with decorators of class-validator. @public */
export type ConfigSchema<T = unknown> = StandardSchema<unknown, T> | (abstract new () => T);

/** The type of a value that a schema has let through: `ConfigOf<typeof schema>`, `ConfigOf<typeof Class>`. @public */
export type ConfigOf<S> = S extends { readonly '~standard': { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly output: infer Output }
    ? Output
    : never
  : S extends abstract new (...args: never[]) => infer Instance
    ? Instance
    : never;

export function isStandardSchema(value: unknown): value is StandardSchema {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && '~standard' in value;
}
