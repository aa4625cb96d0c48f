import { followPrefix, type EtcdState, type FollowDeps } from '../../backend/etcd/etcd.follow.js';
import type { EtcdRow } from '../../backend/etcd/etcd.rows.js';
import type { ServiceNode } from '../../common/service-node.js';
import { sleep } from '../../common/clock.js';
import { linkSignals, sharedController } from '../linked-signal.js';
import type { ServiceSnapshot } from '../registry.js';
import { snapshotOf } from '../snapshot.js';
import { decodeRecord, servicePrefix } from './etcd.record.js';

/** Least time between two snapshots: a fleet that restarts changes hundreds of keys a second, and callers need none of the states between. */
const NEWS_SPACING_MS = 50;

/** The nodes of a service when it was asked for, and the revision of the store then. */
export interface RecentNodes {
  readonly nodes: readonly ServiceNode[];
  readonly revision: bigint;
}

export interface WatchDeps extends FollowDeps {
  readonly prefix: string;
  readonly holdMs: number;
  readonly recent?: RecentNodes;
}

/** The records of a service, each decoded once. */
class DecodedRows {
  private readonly byKey = new Map<string, { modRevision: bigint; nodes: readonly ServiceNode[] }>();
  /** Nodes that a list after an interruption lacks: kept for a while, unless they are heard of again. */
  private held = new Map<string, ServiceNode>();
  heldUntil = -Infinity;

  /** @param recent what a question just before the watch brought: etcd may go between the two */
  constructor(private readonly service: string, private recent: readonly ServiceNode[]) {}

  apply({ rows, events, interrupted }: EtcdState, holdUntil: number): void {
    if (events !== undefined) {
      for (const { type, row } of events) {
        if (type === 'put') this.put(row);
        else this.byKey.delete(row.key);
      }
      return;
    }
    const before = [...this.recent, ...this.nodes()];
    this.recent = [];
    for (const key of [...this.byKey.keys()]) if (!rows.has(key)) this.byKey.delete(key);
    for (const row of rows.values()) this.put(row);
    if (!interrupted) return;
    const here = new Set([...this.byKey.values()].flatMap(({ nodes }) => nodes.map(({ id }) => id)));
    this.held = new Map(before.filter(({ id }) => !here.has(id)).map((node) => [node.id, node]));
    this.heldUntil = holdUntil;
  }

  release(): void {
    this.held.clear();
    this.heldUntil = -Infinity;
  }

  /** Of one id the last counts: what is there wins over what is held. */
  nodes(): ServiceNode[] {
    return [...this.held.values(), ...[...this.byKey.values()].flatMap(({ nodes }) => nodes)];
  }

  private put(row: EtcdRow): void {
    const nodes = this.byKey.get(row.key)?.modRevision === row.modRevision ? this.byKey.get(row.key)!.nodes : decodeRecord(this.service, row);
    this.byKey.set(row.key, { modRevision: row.modRevision, nodes });
    // Here again, and from now on believed when it goes.
    for (const { id } of nodes) this.held.delete(id);
  }
}

/**
 * The snapshots of one service until `signal` aborts; never throws.
 *
 * Right after an outage, or when etcd has lost its state, its list is not to be trusted: nodes register again within their interval. For `holdMs`,
 * nodes that we had and that are missing are kept. What is deleted while we watch goes at once, as in quiet times.
 */
export async function* watchService(deps: WatchDeps, service: string, signal: AbortSignal): AsyncGenerator<ServiceSnapshot, void, undefined> {
  const { clock, prefix, holdMs, recent } = deps;
  const leaving = sharedController();
  const { signal: until, unlink } = linkSignals(signal, leaving.signal);
  const decoded = new DecodedRows(service, recent?.nodes ?? []);
  let dirty = false;
  let wake = sharedController();
  const following = (async () => {
    for await (const state of followPrefix(deps, servicePrefix(prefix, service), until, recent?.revision)) {
      decoded.apply(state, clock.now() + holdMs);
      dirty = true;
      wake.abort();
    }
    wake.abort();
  })();
  try {
    for (let current: ServiceSnapshot | undefined; !until.aborted; ) {
      if (clock.now() >= decoded.heldUntil && decoded.heldUntil > -Infinity) {
        decoded.release();
        dirty = true;
      }
      if (!dirty) {
        wake = sharedController();
        await sleep(clock, Math.min(decoded.heldUntil > -Infinity ? decoded.heldUntil - clock.now() : Infinity, 0x7fffffff), wake.signal);
        continue;
      }
      dirty = false;
      const next = snapshotOf(service, decoded.nodes(), current);
      if (next === current) continue;
      yield (current = next);
      await sleep(clock, NEWS_SPACING_MS, until);
    }
  } finally {
    leaving.abort();
    unlink();
    await following;
  }
}
