import type { ServiceNode } from '../common/service-node.js';

/**
 * Doubts a registry that loses many nodes of a service at once, as one does that was restarted, partitioned from the nodes, or emptied by mistake. When less than a
 * share of the nodes is left of what there was a moment ago, and at least two are missing, the missing ones are kept for a while; each goes at once when a call finds
 * it unreachable. One node that leaves, and nodes that leave one by one over a longer time, are believed at once.
 */
export class SuddenLoss {
  /** Nodes that the registry misses and that are kept. */
  private held = new Map<string, ServiceNode>();
  /** How many nodes there were before the loss began. */
  private before = 0;
  private ends = -Infinity;

  /**
   * @param share of the nodes that must be left, 0 to 1
   * @param holdMs 0: the registry is always believed
   */
  constructor(
    private readonly share: number,
    private readonly holdMs: number,
  ) {}

  get isHolding(): boolean {
    return this.held.size > 0;
  }

  /** When those that are held go, on the scale of the clock. */
  get until(): number {
    return this.ends;
  }

  has(id: string): boolean {
    return this.held.has(id);
  }

  /**
   * The nodes to go on with.
   * @param listed what the registry says now
   * @param known the nodes so far, held ones included
   */
  admit(listed: readonly ServiceNode[], known: readonly ServiceNode[], now: number): readonly ServiceNode[] {
    if (this.holdMs === 0) return listed;
    if (now >= this.ends) {
      this.before = known.length - this.held.size;
      this.end();
      if (listed.length < this.before) this.ends = now + this.holdMs;
    }
    const missing = this.before - listed.length;
    if (missing <= 0) {
      this.end();
      return listed;
    }
    const isSudden = missing >= 2 && listed.length < this.share * this.before;
    if (!isSudden && !this.isHolding) return listed;
    // What is held is held for the whole time, though the loss may have begun with a node that left in good order.
    if (!this.isHolding) this.ends = now + this.holdMs;
    const there = new Set(listed.map(({ id }) => id));
    const lost = (isSudden ? known : [...this.held.values()]).filter(({ id }) => !there.has(id));
    this.held = new Map(lost.map((node) => [node.id, node]));
    return [...listed, ...lost];
  }

  /** The registry was right about this one. False: it is not held. */
  drop(id: string): boolean {
    return this.held.delete(id);
  }

  /** The time is over: the registry is believed. */
  end(): void {
    this.held.clear();
    this.ends = -Infinity;
  }
}
