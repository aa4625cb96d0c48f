/** Metadata as it arrives: string values, own keys, no prototype. @throws TypeError for values that cannot be made strings */
export function travelled(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const copy = Object.create(null) as Record<string, string>;
  for (const key of Object.keys(metadata)) copy[key] = String(metadata[key]);
  return copy;
}
