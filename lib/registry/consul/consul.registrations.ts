import { sleep } from '../../common/clock.js';
import type { ServiceNode } from '../../common/service-node.js';
import { sameNode } from '../snapshot.js';
import { ConsulRequestError, type ConsulClient } from '../../backend/consul/consul.client.js';
import type { ResolvedConsulOptions } from './consul.options.js';
import { checkId, decodeEntries, encodeRecord } from './consul.record.js';

/** The agent tells the servers in the background; this long we wait to see it there. */
const VISIBLE_WITHIN_MS = 3000;
const GONE_WITHIN_MS = 500;
const FIRST_LOOK_MS = 10;
const LATER_LOOK_MS = 200;

interface Registered {
  readonly node: ServiceNode;
  readonly ttlMs: number;
  /** When its owner renewed it last; healing does not count. */
  renewedAt: number;
}

/**
 * The writing side: what of ours stands in Consul, kept per node (mqant kept it per service name, so that two nodes of one service in a process
 * confused each other, W-42).
 */
export class ConsulRegistrations {
  private readonly registered = new Map<string, Registered>();
  /** Requests for one node go one after the other: a renewal must not bring back what is being taken out. */
  private readonly tails = new Map<string, Promise<unknown>>();

  constructor(private readonly client: () => Promise<ConsulClient>, private readonly options: ResolvedConsulOptions) {}

  get size(): number {
    return this.registered.size;
  }

  /** Ids of our nodes of a service. */
  idsOf(type: string): string[] {
    return [...this.registered.values()].filter(({ node }) => node.type === type).map(({ node }) => node.id);
  }

  /** A service of ours, if any. */
  firstType(): string | undefined {
    for (const { node } of this.registered.values()) return node.type;
    return undefined;
  }

  /** Renews with one `pass`; the full record goes when its content changed, or when the agent does not know it (any more). */
  register(node: ServiceNode, ttlMs: number, signal: AbortSignal): Promise<void> {
    return this.inTurn(node.id, async () => {
      const before = this.registered.get(node.id);
      if (before !== undefined) before.renewedAt = this.options.clock.now();
      if (before !== undefined && before.ttlMs === ttlMs && sameNode(before.node, node) && (await this.renew(node, signal))) return;
      await this.put({ node, ttlMs, renewedAt: this.options.clock.now() }, signal);
    });
  }

  deregister(node: ServiceNode, signal: AbortSignal): Promise<void> {
    return this.inTurn(node.id, async () => {
      this.registered.delete(node.id);
      const client = await this.client();
      try {
        await client.deregister(node.id, signal);
      } catch (cause) {
        // Newer agents answer 404 for an id they do not know; then it is out.
        if (!(cause instanceof ConsulRequestError && cause.status === 404)) throw cause;
        return;
      }
      // So that callers who ask next do not get it; not worth an error, since the agent has taken it.
      await this.seen(node, false, GONE_WITHIN_MS, signal).catch(() => {});
    });
  }

  /**
   * Renews all of ours, putting back what the agent has lost, except those that their owner no longer renews. Failures are left to the next
   * renewal.
   */
  async renewAll(signal: AbortSignal): Promise<void> {
    await Promise.allSettled(
      [...this.registered.keys()].map((id) =>
        this.inTurn(id, async () => {
          const entry = this.registered.get(id);
          if (entry === undefined || this.options.clock.now() - entry.renewedAt > entry.ttlMs) return;
          if (!(await this.renew(entry.node, signal))) await this.put(entry, signal);
        }),
      ),
    );
  }

  /** False when the agent does not know the check, which is how it shows that it has lost the service. */
  private async renew(node: ServiceNode, signal: AbortSignal): Promise<boolean> {
    try {
      await (await this.client()).pass(checkId(node.id), signal);
      return true;
    } catch (cause) {
      // Without an answer the full record would fail as well.
      if (cause instanceof ConsulRequestError && cause.status !== undefined) return false;
      throw cause;
    }
  }

  private async put(entry: Registered, signal: AbortSignal): Promise<void> {
    const { node } = entry;
    const client = await this.client();
    await client.register(encodeRecord(node, entry.ttlMs), signal);
    // A new TTL check is critical until its first pass, and callers drop critical nodes.
    await client.pass(checkId(node.id), signal);
    this.registered.set(node.id, entry);
    try {
      if (!(await this.seen(node, true, VISIBLE_WITHIN_MS, signal))) {
        this.registered.delete(node.id);
        throw new ConsulRequestError(`consul at ${this.options.address} took node ${node.id} but does not list it; do its agent and servers reach each other?`, undefined, undefined);
      }
    } catch (cause) {
      // A token that may write and not read: we cannot look, and need not.
      if (!(cause instanceof ConsulRequestError && cause.status === 403)) throw cause;
    }
  }

  /** Waits until the servers show the node as it is (or show it no more). */
  private async seen(node: ServiceNode, present: boolean, withinMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.options;
    const client = await this.client();
    const giveUp = clock.now() + withinMs;
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(LATER_LOOK_MS, pause * 2)) {
      const { entries } = await client.health(node.type, undefined, signal);
      const shown = decodeEntries(node.type, entries).find((other) => other.id === node.id);
      if (present ? shown !== undefined && sameNode(shown, node) : shown === undefined) return true;
      if (clock.now() >= giveUp) return false;
      await sleep(clock, pause, signal);
    }
  }

  private inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.tails.get(id) ?? Promise.resolve()).then(work, work);
    const tail = turn.catch(() => {}).then(() => {
      if (this.tails.get(id) === tail) this.tails.delete(id);
    });
    this.tails.set(id, tail);
    return turn;
  }
}
