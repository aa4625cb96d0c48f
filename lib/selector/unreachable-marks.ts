import type { ServiceNode } from '../common/service-node.js';

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

interface Mark {
  /** The object that proved unreachable: another object of this id is news of the registry. */
  readonly node: ServiceNode;
  /** Marks in a row without a success between them. */
  strikes: number;
  /** Until then it is avoided; after that it may be tried again. */
  until: number;
  active: boolean;
}

/**
 * Nodes of one service that calls have found unreachable. A dead node stays in the registry for its TTL; callers avoid it from the first failure on.
 * It is tried again when the registry says something new of it, or after 1 s, 2 s, 4 s, at most 30 s between failures.
 */
export class UnreachableMarks {
  private readonly marks = new Map<string, Mark>();
  private nextExpiry = Infinity;
  private activeCount = 0;
  /** Changes whenever the set of avoided nodes does. */
  epoch = 0;

  /** How many nodes are avoided. */
  get size(): number {
    return this.activeCount;
  }

  /** No node has a record: nobody needs to hear of successes. */
  get isEmpty(): boolean {
    return this.marks.size === 0;
  }

  has(id: string): boolean {
    return this.marks.get(id)?.active === true;
  }

  /** For people; undefined for a node that is not avoided. */
  describe(id: string, now: number): string | undefined {
    const mark = this.marks.get(id);
    return mark?.active && mark.until > now ? `tried again in ${Math.ceil(mark.until - now)} ms` : undefined;
  }

  mark(node: ServiceNode, now: number): void {
    const before = this.marks.get(node.id);
    // Calls that were in flight together fail together: one strike.
    if (before?.active && now < before.until) return;
    const strikes = (before?.strikes ?? 0) + 1;
    const until = now + Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(strikes - 1, 10));
    this.marks.set(node.id, { node, strikes, until, active: true });
    if (!before?.active) this.activeCount++;
    this.nextExpiry = Math.min(this.nextExpiry, until);
    this.epoch++;
  }

  /** The node answered: it is reachable, and its record clean. */
  succeeded(id: string): void {
    const mark = this.marks.get(id);
    if (mark === undefined) return;
    this.marks.delete(id);
    if (!mark.active) return;
    // nextExpiry may now be early, which costs one look.
    this.activeCount--;
    this.epoch++;
  }

  /** Lets those whose time is over be tried again; their strikes stay until a success. */
  expire(now: number): void {
    if (now < this.nextExpiry) return;
    for (const mark of this.marks.values()) if (mark.until <= now) mark.active = false;
    this.recount();
  }

  /** Forgets marks of nodes that left or changed. `nodes` keep their identity while they are the same. */
  keepOnly(nodes: ReadonlyMap<string, ServiceNode>): void {
    for (const [id, mark] of this.marks) if (nodes.get(id) !== mark.node) this.marks.delete(id);
    this.recount();
  }

  private recount(): void {
    this.activeCount = 0;
    this.nextExpiry = Infinity;
    for (const { active, until } of this.marks.values()) {
      if (!active) continue;
      this.activeCount++;
      this.nextExpiry = Math.min(this.nextExpiry, until);
    }
    this.epoch++;
  }
}
