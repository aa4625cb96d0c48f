interface Branch<T> {
  readonly below: Map<string, Branch<T>>;
  /** Who subscribed to the filter that ends here, with the granted QoS. */
  readonly here: Map<T, 0 | 1 | 2>;
}

/** Who subscribed to what: one level of a topic is one step, however many filters there are. */
export class TopicTree<T> {
  private readonly root: Branch<T> = branch();

  add(filter: string, who: T, qos: 0 | 1 | 2): void {
    let at = this.root;
    for (const level of filter.split('/')) {
      let next = at.below.get(level);
      if (next === undefined) at.below.set(level, (next = branch()));
      at = next;
    }
    at.here.set(who, qos);
  }

  remove(filter: string, who: T): void {
    const path: [Branch<T>, string][] = [];
    let at: Branch<T> | undefined = this.root;
    for (const level of filter.split('/')) {
      path.push([at, level]);
      at = at.below.get(level);
      if (at === undefined) return;
    }
    at.here.delete(who);
    // Branches without anybody would stay for ever.
    for (const [parent, level] of path.reverse()) {
      const child = parent.below.get(level)!;
      if (child.here.size > 0 || child.below.size > 0) return;
      parent.below.delete(level);
    }
  }

  /** Everybody whose filters take the topic, once each, with the highest QoS among them (MQTT 3.1.1, 3.3.5). */
  match(topic: string): Map<T, 0 | 1 | 2> {
    const found = new Map<T, 0 | 1 | 2>();
    const levels = topic.split('/');
    const take = ({ here }: Branch<T>): void => {
      for (const [who, qos] of here) if (qos >= (found.get(who) ?? 0)) found.set(who, qos);
    };
    const visit = (at: Branch<T>, depth: number): void => {
      // Wildcards do not reach topics that begin with `$` (4.7.2).
      const isWild = depth > 0 || !topic.startsWith('$');
      const rest = isWild ? at.below.get('#') : undefined;
      if (rest) take(rest);
      if (depth === levels.length) return take(at);
      const named = at.below.get(levels[depth]!);
      if (named) visit(named, depth + 1);
      const any = isWild ? at.below.get('+') : undefined;
      if (any) visit(any, depth + 1);
    };
    visit(this.root, 0);
    return found;
  }
}

function branch<T>(): Branch<T> {
  return { below: new Map(), here: new Map() };
}
