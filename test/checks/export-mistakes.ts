/**
 * What is wrong with the `exports` of package.json: a wildcard, which makes every file public, or a target that the tarball lacks.
 *
 * @param files - paths in the tarball, without a leading `./`
 */
export function exportMistakes(exports: unknown, files: ReadonlySet<string>): string[] {
  return targetsOf('exports', exports).flatMap(({ key, target }) => {
    if (key.includes('*') || target.includes('*')) return [`${key}: wildcards make every file public; name the subpath`];
    return files.has(target.replace(/^\.\//, '')) ? [] : [`${key}: ${target} is not in the tarball`];
  });
}

function targetsOf(key: string, value: unknown): { key: string; target: string }[] {
  if (typeof value === 'string') return [{ key, target: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => targetsOf(`${key} ${name}`, inner));
}
