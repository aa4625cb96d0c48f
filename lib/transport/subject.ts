/**
 * The address of a node or a process: `anthill.rpc.<type>.<id>`, `anthill.process.<name>`. Both transports use it, so that what a
 * developer sees in memory is what he greps for on NATS. Everything but letters, digits, `_` and `-` is escaped as `%XX` (UTF-8),
 * so that different names never meet and no name can smuggle in a level or a wildcard.
 * @param name for `node` the node id, `type@id` (or `type.id`)
 */
export function subjectOf(kind: 'node' | 'process', name: string): string {
  if (kind === 'process') return `anthill.process.${escapeToken(name)}`;
  const at = name.includes('@') ? name.indexOf('@') : name.lastIndexOf('.');
  if (at < 0) return `anthill.rpc.${escapeToken(name)}`;
  return `anthill.rpc.${escapeToken(name.slice(0, at))}.${escapeToken(name.slice(at + 1))}`;
}

/** One level of a subject. Empty ones are not allowed there: a lone `%` stands for them. */
function escapeToken(text: string): string {
  if (text === '') return '%';
  return text.replace(/[^A-Za-z0-9_-]/gu, (char) => Buffer.from(char).toString('hex').toUpperCase().replace(/../g, '%$&'));
}
