import { systemRandom, type RandomSource } from '../common/clock.js';
import type { Selector } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import { HashRing } from './hash-ring.js';
import { InFlight, type Load } from './in-flight.js';
import { checkOptions, integerOf, numberOf } from './selector-options.js';
import { scoresOf } from './selector-view.js';
import { hashOf } from './text-hash.js';

/** How {@link consistentHash} spreads keys; all optional. @public */
export interface ConsistentHashOptions {
  /** Points of each node on the circle. More are more even and cost memory: 8 bytes each. Processes with other numbers disagree on whose a key is. @default 48 */
  replicas?: number;
  /** A node gets no more than this many times the mean of calls in flight; what is too much goes to the key's next node. `Infinity`: no limit. @default 1.25 */
  loadFactor?: number;
  /** Calls in flight that every node may have, however low the mean is: without it, two calls of one key at the same time would part on an idle service. @default 8 */
  allowance?: number;
  /** Draws for calls without a key. @default the machine's */
  random?: RandomSource;
}

/** A ring of less than this share of the nodes is no base for the next: it would spare nothing when all come again. */
const BASE_SHARE = 0.5;

/**
 * Calls of one `hashKey` go to one node, as long as it is there and not busier than `loadFactor` allows: for state kept in memory by user, room or
 * device. With 10 nodes an eleventh takes 1/11 of the keys, from all alike, and no other key moves.
 * Processes agree on the node, because it follows from key and node ids; give ids that outlive a restart (`@RpcModule({ id })`) where keys should.
 * A call without a key goes where {@link leastInFlight} would send it.
 * @throws BootError SELECTOR_OPTIONS
 * @public
 */
export function consistentHash(options: ConsistentHashOptions = {}): Selector {
  checkOptions('consistentHash()', options, ['replicas', 'loadFactor', 'allowance', 'random']);
  const replicas = integerOf('consistentHash()', 'replicas', options.replicas ?? 48, 1, 10_000);
  const loadFactor = numberOf('consistentHash()', 'loadFactor', options.loadFactor ?? 1.25, 1, Infinity);
  const allowance = integerOf('consistentHash()', 'allowance', options.allowance ?? 8, 1);
  const { random = systemRandom } = options;

  const rings = new WeakMap<readonly ServiceNode[], HashRing>();
  const bases = new Map<string, HashRing>();
  const inFlight = new InFlight();
  /** Calls in flight, by service. */
  const totals = new Map<string, Load>();

  const ringOf = (candidates: readonly ServiceNode[], type: string): HashRing => {
    let ring = rings.get(candidates);
    if (ring === undefined) {
      const base = bases.get(type);
      ring = HashRing.of(candidates, replicas, base);
      rings.set(candidates, ring);
      if (base === undefined || candidates.length >= base.nodes.length * BASE_SHARE) bases.set(type, ring);
    }
    return ring;
  };
  const totalOf = (type: string): Load => {
    let total = totals.get(type);
    if (total === undefined) totals.set(type, (total = { calls: 0 }));
    return total;
  };
  /** @param calls in flight, the new one included */
  const limitOf = (nodes: number, calls: number): number => Math.max(allowance, Math.ceil((loadFactor * calls) / nodes));
  /** Index of the key's own node, or of the next one that is below the limit. */
  const indexOf = (ring: HashRing, loads: readonly Load[], hash: number, limit: number): number => {
    const own = ring.owner(hash);
    if (loads[own]!.calls < limit) return own;
    const other = ring.other(hash, (index) => loads[index]!.calls < limit);
    return other < 0 ? own : other;
  };

  return {
    name: 'consistentHash',
    pick(candidates, { type, hashKey }) {
      const total = totalOf(type);
      total.calls++;
      if (hashKey === undefined) return inFlight.lessBusy(candidates, random, 1);
      const loads = inFlight.of(candidates);
      const index = indexOf(ringOf(candidates, type), loads, hashOf(hashKey), limitOf(candidates.length, total.calls));
      loads[index]!.calls++;
      return candidates[index];
    },
    done(node) {
      inFlight.end(node);
      const total = totals.get(node.type);
      if (total !== undefined && total.calls > 0) total.calls--;
    },
    explain(candidates, { type, hashKey }) {
      const loads = inFlight.of(candidates);
      const view = { scoring: 'calls in flight', scores: scoresOf(candidates, (_, i) => loads[i]!.calls) };
      if (hashKey === undefined) {
        const notes = ['no hashKey: the less busy one of two nodes that chance draws'];
        return { ...view, choice: inFlight.lessBusy(candidates, systemRandom, 0), certain: candidates.length === 1, notes };
      }
      const ring = rings.get(candidates) ?? HashRing.of(candidates, replicas);
      const limit = limitOf(candidates.length, (totals.get(type)?.calls ?? 0) + 1);
      const own = candidates[ring.owner(hashOf(hashKey))]!;
      const choice = candidates[indexOf(ring, loads, hashOf(hashKey), limit)]!;
      const full = choice === own ? [] : [`${own.id} has its limit of ${limit} calls in flight, ${choice.id} is the key's next`];
      return { ...view, choice, certain: true, notes: [`key ${JSON.stringify(hashKey)} belongs to ${own.id}`, ...full] };
    },
  };
}
