import type { ServiceNode } from '../common/service-node.js';
import { hashOf, nthHash } from './text-hash.js';
import { sortByKey } from './sort-by-key.js';

/** Places at which a key looks for a node. More of them spread keys more evenly, and each costs a look; docs/adr/0012 has the measurements. */
export const PROBES = 5;
/** Points beyond which keys are remembered, and how many keys. */
const LARGE = 4096;
const RECENT = 8192;

/**
 * Nodes as points on a circle of 2³² positions, a few for each. A key looks at {@link PROBES} places and belongs to the node whose point follows one of them most
 * closely ("multi-probe consistent hashing", arXiv 1505.00062). A node that comes takes keys from others, one that goes leaves its own to others;
 * no other key moves. Everything follows from node ids and keys, so that all processes with the same nodes agree.
 */
export class HashRing {
  /** The circle in as many parts as there are points, or twice as many: the first point at or after the begin of each part. */
  private readonly first: Uint32Array;
  private readonly shift: number;
  /** Hashes of keys seen lately, and whose they are plus one: a large ring is in no cache of the processor, and keys come again. */
  private readonly recent: Uint32Array | undefined;

  private constructor(
    readonly nodes: readonly ServiceNode[],
    private readonly replicas: number,
    /** Positions of the points, ascending. */
    private readonly at: Uint32Array,
    /** Index in `nodes`, by point. */
    private readonly owners: Uint32Array,
  ) {
    const bits = Math.max(1, Math.ceil(Math.log2(at.length)));
    this.shift = 32 - bits;
    this.first = new Uint32Array(2 ** bits);
    if (at.length > LARGE) this.recent = new Uint32Array(2 * RECENT);
    for (let part = 0, point = 0; part < this.first.length; part++) {
      while (point < at.length && at[point]! >>> this.shift < part) point++;
      this.first[part] = point;
    }
  }

  /** @param base a ring of much the same nodes, which spares most of the work; the result is the same */
  static of(nodes: readonly ServiceNode[], replicas: number, base?: HashRing): HashRing {
    if (base !== undefined && base.replicas === replicas) {
      const { places, added } = compare(base.nodes, nodes);
      if (added.length * 4 <= nodes.length) return HashRing.changed(base, nodes, places, added);
    }
    const [at, owners] = pointsOf(nodes, nodes.map((_, i) => i), replicas);
    return new HashRing(nodes, replicas, at, owners);
  }

  /** Index of the node that a key of this hash belongs to. */
  owner(hash: number): number {
    const { recent } = this;
    if (recent === undefined) return this.search(hash);
    const entry = (hash % RECENT) * 2;
    if (recent[entry] === hash && recent[entry + 1]! > 0) return recent[entry + 1]! - 1;
    const index = this.search(hash);
    recent[entry] = hash;
    recent[entry + 1] = index + 1;
    return index;
  }

  /** The same without memory. */
  search(hash: number): number {
    const { at } = this;
    let nearest = 2 ** 32;
    let found = 0;
    for (let i = 0; i < PROBES; i++) {
      const place = nthHash(hash, i);
      const point = this.pointAfter(place);
      const distance = (at[point]! - place) >>> 0;
      if (distance < nearest) {
        nearest = distance;
        found = point;
      }
    }
    return this.owners[found]!;
  }

  /** Where a key goes when its node may not have it: the first index that `fits`, among the nodes at its other places and then around the circle; or -1. */
  other(hash: number, fits: (index: number) => boolean): number {
    for (let i = 0; i < PROBES; i++) {
      const index = this.owners[this.pointAfter(nthHash(hash, i))]!;
      if (fits(index)) return index;
    }
    const from = this.pointAfter(nthHash(hash, 0));
    for (let step = 1; step < this.at.length; step++) {
      const index = this.owners[(from + step) % this.at.length]!;
      if (fits(index)) return index;
    }
    return -1;
  }

  private pointAfter(place: number): number {
    const { at } = this;
    let point = this.first[place >>> this.shift]!;
    while (point < at.length && at[point]! < place) point++;
    return point === at.length ? 0 : point;
  }

  /** The points of nodes that stay, merged with those of the ones that came. */
  private static changed(base: HashRing, nodes: readonly ServiceNode[], places: Int32Array, added: readonly number[]): HashRing {
    const { replicas } = base;
    const [newAt, newOwners] = pointsOf(nodes, added, replicas);
    const at = new Uint32Array(nodes.length * replicas);
    const owners = new Uint32Array(at.length);
    let end = 0;
    let fresh = 0;
    for (let point = 0; point < base.at.length; point++) {
      const place = places[base.owners[point]!]!;
      if (place < 0) continue;
      const position = base.at[point]!;
      while (fresh < newAt.length && (newAt[fresh]! < position || (newAt[fresh] === position && newOwners[fresh]! < place))) {
        at[end] = newAt[fresh]!;
        owners[end++] = newOwners[fresh++]!;
      }
      at[end] = position;
      owners[end++] = place;
    }
    at.set(newAt.subarray(fresh), end);
    owners.set(newOwners.subarray(fresh), end);
    return new HashRing(nodes, replicas, at, owners);
  }
}

/** Points of the nodes at `indices` (ascending), sorted by position, and at one position by index. */
function pointsOf(nodes: readonly ServiceNode[], indices: readonly number[], replicas: number): [at: Uint32Array, owners: Uint32Array] {
  const at = new Uint32Array(indices.length * replicas);
  const owners = new Uint32Array(at.length);
  let point = 0;
  for (const index of indices) {
    const hash = hashOf(nodes[index]!.id);
    for (let i = 1; i <= replicas; i++) {
      at[point] = nthHash(hash, i);
      owners[point++] = index;
    }
  }
  return sortByKey(at, owners);
}

/** Where each node of `before` is in `after`, -1 for those that went; and the places of the ones that came. Both are sorted by id. */
function compare(before: readonly ServiceNode[], after: readonly ServiceNode[]): { places: Int32Array; added: number[] } {
  const places = new Int32Array(before.length).fill(-1);
  const added: number[] = [];
  let old = 0;
  for (let i = 0; i < after.length; i++) {
    while (old < before.length && before[old] !== after[i] && before[old]!.id < after[i]!.id) old++;
    if (old < before.length && before[old]!.id === after[i]!.id) places[old++] = i;
    else added.push(i);
  }
  return { places, added };
}
