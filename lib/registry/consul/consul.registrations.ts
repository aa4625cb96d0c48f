import { sleep } from '../../common/clock.js';
import type { RegistrationChoice } from '../../common/registration-choice.js';
import type { ServiceNode } from '../../common/service-node.js';
import { sameNode } from '../snapshot.js';
import { Turns } from '../turns.js';
import { ConsulRequestError } from '../../backend/consul/consul.agents.js';
import type { ConsulClient } from '../../backend/consul/consul.client.js';
import type { ConsulRegistration } from '../../backend/consul/consul.rows.js';
import type { Registration } from '../registry.js';
import type { ResolvedConsulOptions } from './consul.options.js';
import type { ConsulRecord } from './consul.record.js';
import { readRow, rowOf } from './read-rows.js';

/** The agent tells the servers in the background; this long we wait to see it there. */
const VISIBLE_WITHIN_MS = 3000;
const GONE_WITHIN_MS = 500;
const FIRST_LOOK_MS = 10;
const LATER_LOOK_MS = 200;

/** One row of ours, and the way it is written. */
interface Row {
  readonly record: ConsulRecord;
  readonly registration: ConsulRegistration;
}

interface Registered {
  readonly node: ServiceNode;
  readonly ttlMs: number;
  readonly rows: readonly Row[];
  /** When its owner renewed it last; healing does not count. */
  renewedAt: number;
}

/**
 * The writing side: what of ours stands in Consul, kept per node (mqant kept it per service name, so that two nodes of one service in a process
 * confused each other, W-42). A node has a row for each of its records that has something to write of it.
 */
export class ConsulRegistrations {
  private readonly registered = new Map<string, Registered>();
  /** How each of our nodes wants to be written, from its first try on. */
  private readonly choices = new Map<string, RegistrationChoice | undefined>();
  /** Nodes of which it was said that they have nothing to write. */
  private readonly told = new Set<string>();
  private readonly turns = new Turns();

  constructor(
    private readonly client: () => Promise<ConsulClient>,
    private readonly options: ResolvedConsulOptions,
    private readonly recordsOf: (choice: RegistrationChoice | undefined) => readonly ConsulRecord[],
  ) {}

  get size(): number {
    return this.registered.size;
  }

  /** Our nodes of a service: for each the ids under which it can be shown. */
  shownAs(type: string): string[][] {
    return [...this.registered.values()].filter(({ node, rows }) => node.type === type && rows.length > 0).map(({ rows }) => rows.map((row) => nodeOf(row, type)?.id ?? ''));
  }

  /** A service of ours that stands in Consul, if any. */
  firstType(): string | undefined {
    for (const { node, rows } of this.registered.values()) if (rows.length > 0) return node.type;
    return undefined;
  }

  /** Renews with one small request per row; the full record goes when its content changed, or when the agent does not know it (any more). */
  register(node: ServiceNode, { ttlMs, record }: Registration, signal: AbortSignal): Promise<void> {
    return this.turns.take(node.id, async () => {
      this.choices.set(node.id, record);
      const before = this.registered.get(node.id);
      if (before !== undefined) before.renewedAt = this.options.clock.now();
      const records = this.recordsOf(record);
      const rows = this.rowsOf(node, ttlMs, records);
      if (rows.length === 0) this.tellNothing(node, records);
      if (before !== undefined && before.ttlMs === ttlMs && sameNode(before.node, node) && (await this.renew(before, signal))) return;
      await this.put({ node, ttlMs, rows, renewedAt: this.options.clock.now() }, signal);
    });
  }

  deregister(node: ServiceNode, signal: AbortSignal): Promise<void> {
    return this.turns.take(node.id, async () => {
      // Unknown to us it may stand there all the same: a try that failed half way, an earlier life of this process.
      const rows = this.registered.get(node.id)?.rows ?? this.rowsOf(node, 1, this.recordsOf(this.choices.get(node.id)));
      this.registered.delete(node.id);
      this.choices.delete(node.id);
      this.told.delete(node.id);
      await Promise.all(rows.map((row) => this.remove(row, node.type, signal)));
    });
  }

  /**
   * Renews all of ours, putting back what the agent has lost, except those that their owner no longer renews. Failures are left to the next
   * renewal.
   */
  async renewAll(signal: AbortSignal): Promise<void> {
    await Promise.allSettled(
      [...this.registered.keys()].map((id) =>
        this.turns.take(id, async () => {
          const entry = this.registered.get(id);
          if (entry === undefined || this.options.clock.now() - entry.renewedAt > entry.ttlMs) return;
          if (!(await this.renew(entry, signal))) await this.put(entry, signal);
        }),
      ),
    );
  }

  private rowsOf(node: ServiceNode, ttlMs: number, records: readonly ConsulRecord[]): Row[] {
    return records.flatMap((record) => {
      const registration = record.encode(node, ttlMs);
      return registration === undefined ? [] : [{ record, registration }];
    });
  }

  private tellNothing(node: ServiceNode, records: readonly ConsulRecord[]): void {
    if (this.told.has(node.id)) return;
    this.told.add(node.id);
    const names = records.map(({ name }) => `'${name}'`).join(', ');
    this.options.logger.warn(`${node.id} is not registered in consul: it has no gRPC endpoint, and ${names} writes nothing else; add the record 'mqant' for nodes without one`);
  }

  /** False when the agent does not know one of its rows, which is how it shows that it has lost the service. */
  private async renew({ rows }: Registered, signal: AbortSignal): Promise<boolean> {
    const client = await this.client();
    const known = await Promise.all(
      rows.map(async ({ registration: { ID, Check } }) => {
        if (Check.TTL === undefined) return this.isKnown(ID, signal);
        try {
          await client.pass(checkId(ID), signal);
          return true;
        } catch (cause) {
          // Without an answer the full record would fail as well.
          if (cause instanceof ConsulRequestError && cause.status !== undefined) return false;
          throw cause;
        }
      }),
    );
    return known.every((isKnown) => isKnown);
  }

  private async put(entry: Registered, signal: AbortSignal): Promise<void> {
    const { node, rows } = entry;
    const before = this.registered.get(node.id)?.rows ?? [];
    const isShown = await Promise.all(rows.map((row) => this.write(row, node.type, signal)));
    const hidden = rows.find((_, i) => !isShown[i]);
    if (hidden) {
      this.registered.delete(node.id);
      throw new ConsulRequestError(`consul at ${this.options.address} took ${hidden.registration.ID} but does not list it; do its agent and servers reach each other?`, undefined, undefined);
    }
    this.registered.set(node.id, entry);
    const ids = new Set(rows.map(({ registration }) => registration.ID));
    await Promise.all(before.filter(({ registration }) => !ids.has(registration.ID)).map((row) => this.remove(row, node.type, signal)));
  }

  /** False when the servers do not list it. */
  private async write(row: Row, type: string, signal: AbortSignal): Promise<boolean> {
    const client = await this.client();
    const { ID, Check } = row.registration;
    await client.register(Check.Status !== undefined && (await this.isKnown(ID, signal)) ? withoutStatus(row.registration) : row.registration, signal);
    // A new TTL check is critical until its first pass, and callers drop critical nodes.
    if (Check.TTL !== undefined) await client.pass(checkId(ID), signal);
    try {
      return await this.seen(row, type, true, VISIBLE_WITHIN_MS, signal);
    } catch (cause) {
      // A token that may write and not read: we cannot look, and need not.
      if (cause instanceof ConsulRequestError && cause.status === 403) return true;
      throw cause;
    }
  }

  private async isKnown(id: string, signal: AbortSignal): Promise<boolean> {
    try {
      return await (await this.client()).knows(id, signal);
    } catch (cause) {
      if (cause instanceof ConsulRequestError && cause.status !== undefined) return false;
      throw cause;
    }
  }

  private async remove(row: Row, type: string, signal: AbortSignal): Promise<void> {
    const client = await this.client();
    try {
      await client.deregister(row.registration.ID, signal);
    } catch (cause) {
      // Newer agents answer 404 for an id they do not know; then it is out.
      if (!(cause instanceof ConsulRequestError && cause.status === 404)) throw cause;
      return;
    }
    // So that callers who ask next do not get it; not worth an error, since the agent has taken it.
    await this.seen(row, type, false, GONE_WITHIN_MS, signal).catch(() => {});
  }

  /** Waits until the servers show the row as it is (or show it no more). One that the agent checks itself may be critical: that is its word. */
  private async seen(row: Row, type: string, present: boolean, withinMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.options;
    const { ID, Name, Check } = row.registration;
    const client = await this.client();
    const wanted = nodeOf(row, type);
    const giveUp = clock.now() + withinMs;
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(LATER_LOOK_MS, pause * 2)) {
      const { entries } = await client.health(Name, undefined, signal);
      const entry = entries.find(({ Service }) => Service?.ID === ID);
      const isHidden = Check.TTL !== undefined && (entry?.Checks ?? []).some(({ Status }) => Status === 'critical');
      const shown = entry && !isHidden ? readRow({ ...entry, Checks: [] }, type, [row.record]) : undefined;
      if (present ? shown !== undefined && wanted !== undefined && sameNode(shown, wanted) : shown === undefined) return true;
      if (clock.now() >= giveUp) return false;
      await sleep(clock, pause, signal);
    }
  }
}

/** Id that Consul gives to the one check of a service. */
export function checkId(serviceId: string): string {
  return `service:${serviceId}`;
}

/** As readers see it. */
function nodeOf({ record, registration }: Row, type: string): ServiceNode | undefined {
  return readRow(rowOf(registration), type, [record]);
}

/** Consul keeps what the check of a service said last; saying how a new one begins would call a sick one well. */
function withoutStatus({ Check: { Status: _status, ...check }, ...rest }: ConsulRegistration): ConsulRegistration {
  return { ...rest, Check: check };
}
