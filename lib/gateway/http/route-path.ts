/**
 * What is wrong with the path of a route; undefined when nothing is. Patterns of Fastify's own (`:id(\\d+)`) are refused: what it thinks of them it
 * says when it is too late to catch, and an argument is the handler's to check.
 */
export function pathMistake(path: unknown): string | undefined {
  if (typeof path !== 'string' || !path.startsWith('/')) return `the path '${String(path)}' does not begin with a slash`;
  if (path.slice(0, -1).includes('*')) return `the path '${path}' has a * that is not at its end`;
  if (/[()]/.test(path)) return `the path '${path}' has a pattern; write ':name', and check the argument in the handler`;
  return undefined;
}
