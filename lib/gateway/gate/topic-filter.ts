/** A topic as a client may publish to: not empty, no wildcards, no NUL (MQTT 3.1.1, 4.7). */
export function isTopic(topic: string): boolean {
  return topic !== '' && topic.length <= 65_535 && !/[+#\0]/.test(topic);
}

/** A filter with its wildcards in their places (MQTT 3.1.1, 4.7.1). */
export function isFilter(filter: string): boolean {
  if (filter === '' || filter.length > 65_535 || filter.includes('\0')) return false;
  const levels = filter.split('/');
  return levels.every((level, i) => (level === '#' ? i === levels.length - 1 : level === '+' || !/[+#]/.test(level)));
}

/** Does the filter take the topic? Topics that begin with `$` are matched by name only (4.7.2). */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

/** Without wildcards: it takes one topic. */
export function isExact(filter: string): boolean {
  return !/[+#]/.test(filter);
}

export function levelsOf(topic: string): number {
  let count = 1;
  for (let at = topic.indexOf('/'); at >= 0; at = topic.indexOf('/', at + 1)) count++;
  return count;
}
