import type { RandomSource } from '../common/clock.js';
import type { ServiceNode } from '../common/service-node.js';

/** Our own calls in flight to one node. */
export interface Load {
  calls: number;
}

/** Below this many nodes nobody tidies up. */
const FEW = 1024;

/**
 * Our own calls in flight, by node. Each set of candidates gets the list of its loads once: among thousands of nodes, which no cache holds, a look-up by id would cost
 * more than all the rest of a pick.
 */
export class InFlight {
  private readonly byNode = new WeakMap<ServiceNode, Load>();
  private readonly compiled = new WeakMap<readonly ServiceNode[], readonly Load[]>();
  /** Candidates that came once: those that filters without a key leave over never come again, and are not worth a list. */
  private readonly seen = new WeakSet<readonly ServiceNode[]>();
  /** New metadata make a node another object, and its calls go on. */
  private readonly byId = new Map<string, Load>();
  private tidyAt = FEW;

  /** Of each candidate, in their order. */
  of(candidates: readonly ServiceNode[]): readonly Load[] {
    return this.compiled.get(candidates) ?? this.compile(candidates);
  }

  end(node: ServiceNode): void {
    const load = this.byNode.get(node);
    if (load !== undefined && load.calls > 0) load.calls--;
  }

  /** The less busy of two nodes drawn at random, the first of them when they are equal. `candidates` is not empty. @param calls that begin there */
  lessBusy(candidates: readonly ServiceNode[], source: RandomSource, calls: 0 | 1): ServiceNode {
    const count = candidates.length;
    const first = Math.floor(source.next() * count);
    // Any but the first, each with the same chance.
    const second = count === 1 ? first : (first + 1 + Math.floor(source.next() * (count - 1))) % count;
    let one: Load | undefined;
    let other: Load | undefined;
    if (!this.compiled.has(candidates) && !this.seen.has(candidates)) {
      this.seen.add(candidates);
      one = this.byNode.get(candidates[first]!);
      other = this.byNode.get(candidates[second]!);
    }
    if (one === undefined || other === undefined) {
      const loads = this.of(candidates);
      one = loads[first]!;
      other = loads[second]!;
    }
    const isOther = other.calls < one.calls;
    (isOther ? other : one).calls += calls;
    return candidates[isOther ? second : first]!;
  }

  private compile(candidates: readonly ServiceNode[]): readonly Load[] {
    if (this.byId.size >= this.tidyAt) this.tidy();
    const loads = candidates.map((node) => this.byNode.get(node) ?? this.enter(node));
    this.compiled.set(candidates, loads);
    this.tidyAt = Math.max(this.tidyAt, 2 * candidates.length);
    return loads;
  }

  private enter(node: ServiceNode): Load {
    let load = this.byId.get(node.id);
    if (load === undefined) this.byId.set(node.id, (load = { calls: 0 }));
    this.byNode.set(node, load);
    return load;
  }

  /** Ids of nodes that are gone must not stay. */
  private tidy(): void {
    for (const [id, { calls }] of this.byId) if (calls === 0) this.byId.delete(id);
    this.tidyAt = Math.max(FEW, 2 * this.byId.size);
  }
}
