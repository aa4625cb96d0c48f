import type { ServiceNode } from '../common/service-node.js';

/** So many nodes that leave one by one within a short time are no longer taken for nodes that stop in good order. */
const MANY = 4;

/**
 * Doubts a registry that loses many nodes of a service at once, as one does that was restarted, partitioned from the nodes, or emptied by mistake. When less than a
 * share of the nodes is left of what there was a moment ago, the missing ones are kept for a while; each goes at once when a call finds it unreachable. A node that
 * leaves alone is believed, unless {@link MANY} have gone within that while: leases of nodes that cannot reach the registry end one by one.
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
    const there = new Set(listed.map(({ id }) => id));
    const lost = known.filter(({ id }) => !there.has(id));
    const isSudden = listed.length < this.share * this.before && (this.isHolding || lost.length >= 2 || missing >= MANY);
    if (!isSudden && !this.isHolding) return listed;
    // What is held is held for the whole time, though the loss may have begun with a node that left in good order.
    if (!this.isHolding) this.ends = now + this.holdMs;
    const kept = isSudden ? lost : lost.filter(({ id }) => this.held.has(id));
    this.held = new Map(kept.map((node) => [node.id, node]));
    return [...listed, ...kept];
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
