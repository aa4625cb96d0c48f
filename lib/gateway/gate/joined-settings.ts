export const NONE: Readonly<Record<string, never>> = Object.freeze({});

/** Later ones win; most clients have none. */
export function joined(first: Readonly<Record<string, string>> = NONE, second: Readonly<Record<string, string>> = NONE): Readonly<Record<string, string>> {
  for (const _key in first) return Object.freeze({ ...first, ...second });
  for (const _key in second) return Object.freeze({ ...second });
  return NONE;
}
