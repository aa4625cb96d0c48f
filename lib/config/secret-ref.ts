const REF = /^\$(env|file):(.+)$/s;

/** Where a secret is. */
export interface SecretRef {
  readonly from: 'env' | 'file';
  /** Name of a variable, or path of a file. */
  readonly name: string;
}

/** Reads `$env:NAME` and `$file:/run/secrets/x`: a text that says where a value is, and is not the value. */
export function parseSecretRef(value: unknown): SecretRef | undefined {
  const found = typeof value === 'string' ? REF.exec(value) : null;
  return found === null ? undefined : { from: found[1] as SecretRef['from'], name: found[2]! };
}

export function isSecretRef(value: unknown): value is string {
  return parseSecretRef(value) !== undefined;
}
