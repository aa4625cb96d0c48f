import { EtcdRequestError, type EtcdClient } from '../../backend/etcd/etcd.client.js';
import type { ServiceNode } from '../../common/service-node.js';
import { sameNode } from '../snapshot.js';
import { Turns } from '../turns.js';
import type { ResolvedEtcdOptions } from './etcd.options.js';
import { encodeRecord, nodeKey } from './etcd.record.js';

interface Registered {
  readonly node: ServiceNode;
  readonly ttlMs: number;
  /** One per node, as in mqant: ends with it, and takes out the key. */
  readonly lease: bigint;
  /** The record is there as far as we know; false while its write is under way or has failed. */
  written: boolean;
  /** When its owner renewed it last; healing does not count. */
  renewedAt: number;
}

/** The writing side: what of ours stands in etcd. */
export class EtcdRegistrations {
  private readonly registered = new Map<string, Registered>();
  private readonly turns = new Turns();

  constructor(private readonly client: () => Promise<EtcdClient>, private readonly options: ResolvedEtcdOptions) {}

  /** Services that we have nodes of. */
  types(): Set<string> {
    return new Set([...this.registered.values()].map(({ node }) => node.type));
  }

  /** Keys of our nodes of a service. */
  keysOf(type: string): string[] {
    return [...this.registered.values()].filter(({ node }) => node.type === type).map(({ node }) => nodeKey(this.options.prefix, node));
  }

  /** Renews the lease; the record goes when its content changed, with a new lease when the old one is gone or lasts another time. */
  register(node: ServiceNode, ttlMs: number, signal: AbortSignal): Promise<void> {
    return this.turns.take(node.id, async () => {
      const renewedAt = this.options.clock.now();
      const before = this.registered.get(node.id);
      if (before !== undefined) before.renewedAt = renewedAt;
      if (before !== undefined && before.ttlMs === ttlMs && (await (await this.client()).keepAlive(before.lease, signal)) > 0) {
        if (before.written && sameNode(before.node, node)) return;
        if (await this.write({ ...before, node, written: false }, signal)) return;
      }
      await this.writeAnew(node, ttlMs, renewedAt, signal);
    });
  }

  /** The end of the lease takes out what we wrote, and nothing that another process wrote under the same id since. */
  deregister(node: ServiceNode, signal: AbortSignal): Promise<void> {
    return this.turns.take(node.id, async () => {
      const entry = this.registered.get(node.id);
      this.registered.delete(node.id);
      const client = await this.client();
      if (entry !== undefined) await client.revokeLease(entry.lease, signal);
      else await client.deleteRange(nodeKey(this.options.prefix, node), signal);
    });
  }

  /** Puts back what of ours etcd has lost, except what its owner no longer renews. Failures are left to the next renewal. */
  async heal(signal: AbortSignal): Promise<void> {
    await Promise.allSettled(
      [...this.registered.keys()].map((id) =>
        this.turns.take(id, async () => {
          const entry = this.registered.get(id);
          if (entry === undefined || this.options.clock.now() - entry.renewedAt >= entry.ttlMs) return;
          const client = await this.client();
          if ((await client.keepAlive(entry.lease, signal)) > 0) {
            const { rows } = await client.range(nodeKey(this.options.prefix, entry.node), { keysOnly: true }, signal);
            // Under another lease it is another process's, which has taken the id over.
            if (rows.length > 0 || (await this.write(entry, signal))) return;
          }
          await this.writeAnew(entry.node, entry.ttlMs, entry.renewedAt, signal);
        }),
      ),
    );
  }

  private async writeAnew(node: ServiceNode, ttlMs: number, renewedAt: number, signal: AbortSignal): Promise<void> {
    const client = await this.client();
    const before = this.registered.get(node.id);
    const { id: lease } = await client.grantLease(Math.max(1, Math.ceil(ttlMs / 1000)), signal);
    if (!(await this.write({ node, ttlMs, lease, written: false, renewedAt }, signal))) throw new Error(`etcd at ${this.options.address} lost the lease of node ${node.id} while it was registered; it is tried again`);
    // The key is under the new one now. If this fails it runs out by itself.
    if (before !== undefined) await client.revokeLease(before.lease, signal).catch(() => {});
  }

  /** False when the lease is gone. */
  private async write(entry: Registered, signal: AbortSignal): Promise<boolean> {
    const client = await this.client();
    // Known before it is written: if the write is given up half-way, the end of the lease takes it out all the same.
    this.registered.set(entry.node.id, entry);
    entry.written = false;
    try {
      await client.put(nodeKey(this.options.prefix, entry.node), encodeRecord(entry.node), { lease: entry.lease }, signal);
      entry.written = true;
      return true;
    } catch (cause) {
      if (cause instanceof EtcdRequestError && cause.kind === 'lease-gone') return false;
      throw cause;
    }
  }
}
