/** Called with the body of each message. @public */
export type TopicListener = (body: unknown, topic: string) => void;

/** Who listens to which topics; `+` is one level, `#` at the end all that follow. */
export class TopicListeners {
  private readonly byFilter = new Map<string, Set<TopicListener>>();

  /** @returns the function that takes it out */
  add(filter: string, listener: TopicListener): () => void {
    const set = this.byFilter.get(filter) ?? new Set();
    this.byFilter.set(filter, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.byFilter.get(filter) === set) this.byFilter.delete(filter);
    };
  }

  /** A listener that throws keeps no other from being called. @returns what they threw */
  tell(topic: string, body: unknown): unknown[] {
    const errors: unknown[] = [];
    for (const [filter, listeners] of [...this.byFilter]) {
      if (!takes(filter, topic)) continue;
      for (const listener of [...listeners]) {
        try {
          listener(body, topic);
        } catch (error) {
          errors.push(error);
        }
      }
    }
    return errors;
  }
}

function takes(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}
