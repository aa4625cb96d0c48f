/** A predicate for `unit/config,nats`: paths that contain one of the words. Empty text lets all through. */
export function filterOf(text: string): (source: string) => boolean {
  const words = text.split(',').filter((word) => word !== '');
  return (source) => words.length === 0 || words.some((word) => source.includes(word));
}
