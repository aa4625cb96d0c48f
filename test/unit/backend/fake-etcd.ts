import { EtcdRequestError, type EtcdClient } from '../../../lib/backend/etcd/etcd.client.js';
import type { EtcdChanges, EtcdCompare, EtcdEvent, EtcdOperation, EtcdRange, EtcdRangeOptions, EtcdRangeResult, EtcdRow, EtcdTransaction, EtcdTransactionResult } from '../../../lib/backend/etcd/etcd.rows.js';
import type { Clock } from '../../../lib/common/clock.js';

interface Watcher {
  readonly range: EtcdRange;
  readonly pending: EtcdChanges[];
  failure: Error | undefined;
  wake(): void;
}

/** etcd in memory: passes the suite that the real one passes. A test takes it away, wipes it, compacts it, and counts what it was asked. */
export class FakeEtcd implements EtcdClient {
  revision = 1n;
  /** Set: every request rejects with it, and watches end with it. */
  away: Error | undefined;
  readonly asked: string[] = [];
  private rows = new Map<string, EtcdRow>();
  private history: EtcdChanges[] = [];
  private compactedAt = 0n;
  private readonly leases = new Map<bigint, { ttlSeconds: number; cancel: () => void }>();
  private readonly watchers = new Set<Watcher>();
  private nextLease = 7000n;

  constructor(private readonly clock: Clock) {}

  async range(range: EtcdRange, { revision, limit = Infinity, keysOnly = false }: EtcdRangeOptions = {}, signal?: AbortSignal): Promise<EtcdRangeResult> {
    await this.enter('range', signal);
    if (revision !== undefined && revision < this.compactedAt) throw new EtcdRequestError('compacted', 'compacted', this.compactedAt);
    const rows = [...(revision === undefined ? this.rows : this.rowsAt(revision)).values()].filter(({ key }) => isIn(range, key)).sort((a, b) => (a.key < b.key ? -1 : 1));
    return { rows: rows.slice(0, limit).map((row) => (keysOnly ? { ...row, value: Buffer.alloc(0) } : row)), more: rows.length > limit, revision: this.revision };
  }

  async put(key: string, value: string | Uint8Array, { lease = 0n }: { lease?: bigint } = {}, signal?: AbortSignal): Promise<{ revision: bigint }> {
    await this.enter('put', signal);
    if (lease !== 0n && !this.leases.has(lease)) throw new EtcdRequestError('lease-gone', 'does not know the lease');
    this.apply([{ put: key, value, lease }]);
    return { revision: this.revision };
  }

  async deleteRange(range: EtcdRange, signal?: AbortSignal): Promise<{ revision: bigint; deleted: number }> {
    await this.enter('delete', signal);
    return { deleted: this.apply([{ delete: range }]), revision: this.revision };
  }

  async txn({ compare, success, failure = [] }: EtcdTransaction, signal?: AbortSignal): Promise<EtcdTransactionResult> {
    await this.enter('txn', signal);
    const succeeded = compare.every((one) => this.holds(one));
    const operations = succeeded ? success : failure;
    if (operations.some((one) => 'put' in one && (one.lease ?? 0n) !== 0n && !this.leases.has(one.lease!))) throw new EtcdRequestError('lease-gone', 'does not know the lease');
    this.apply(operations);
    const ranges = operations.flatMap((one) => ('range' in one ? [[...this.rows.values()].filter(({ key }) => isIn(one.range, key)).slice(0, one.limit)] : []));
    return { succeeded, revision: this.revision, ranges };
  }

  async grantLease(ttlSeconds: number, signal?: AbortSignal): Promise<{ id: bigint; ttlSeconds: number }> {
    await this.enter('grant', signal);
    const id = this.nextLease++;
    this.leases.set(id, { ttlSeconds, cancel: this.clock.after(ttlSeconds * 1000, () => this.endLease(id)) });
    return { id, ttlSeconds };
  }

  async keepAlive(id: bigint, signal?: AbortSignal): Promise<number> {
    await this.enter('keepAlive', signal);
    const lease = this.leases.get(id);
    if (lease === undefined) return 0;
    lease.cancel();
    lease.cancel = this.clock.after(lease.ttlSeconds * 1000, () => this.endLease(id));
    return lease.ttlSeconds;
  }

  async revokeLease(id: bigint, signal?: AbortSignal): Promise<void> {
    await this.enter('revoke', signal);
    this.endLease(id);
  }

  async *watch(range: EtcdRange, fromRevision: bigint, signal: AbortSignal): AsyncGenerator<EtcdChanges, void, undefined> {
    if (signal.aborted) return;
    await this.enter('watch');
    if (fromRevision <= this.compactedAt - 1n) throw new EtcdRequestError('compacted', 'list again', this.compactedAt);
    if (fromRevision > this.revision + 1n) throw new EtcdRequestError('unreachable', `revision ${this.revision} is before the ${fromRevision} that we have seen`);
    let wake = () => {};
    const watcher: Watcher = { range, pending: this.history.filter(({ revision }) => revision >= fromRevision).flatMap((one) => within(range, one)), failure: undefined, wake: () => wake() };
    this.watchers.add(watcher);
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      for (;;) {
        if (signal.aborted) return;
        if (watcher.pending.length > 0) yield watcher.pending.shift()!;
        else if (watcher.failure !== undefined) throw watcher.failure;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.watchers.delete(watcher);
    }
  }

  async status(signal?: AbortSignal): Promise<{ version: string }> {
    await this.enter('status', signal);
    return { version: 'fake' };
  }

  close(): void {
    this.breakWatches(new EtcdRequestError('unreachable', 'closed'));
  }

  /** What a test does to it. */
  takeAway(error: Error = new EtcdRequestError('unreachable', 'etcd is away')): void {
    this.away = error;
    this.breakWatches(error);
  }

  comeBack(): void {
    this.away = undefined;
  }

  /** All data gone, as after a restart on an empty disk. */
  wipe(): void {
    for (const { cancel } of this.leases.values()) cancel();
    this.leases.clear();
    this.rows = new Map();
    this.history = [];
    this.revision = 1n;
    this.compactedAt = 0n;
  }

  compact(revision: bigint): void {
    this.compactedAt = revision;
  }

  breakWatches(failure: Error): void {
    for (const watcher of this.watchers) {
      watcher.failure = failure;
      watcher.wake();
    }
  }

  get watching(): number {
    return this.watchers.size;
  }

  get leaseIds(): bigint[] {
    return [...this.leases.keys()];
  }

  endLease(id: bigint): void {
    this.leases.get(id)?.cancel();
    if (!this.leases.delete(id)) return;
    this.apply([...this.rows.values()].filter(({ lease }) => lease === id).map(({ key }) => ({ delete: key })));
  }

  private async enter(what: string, signal?: AbortSignal): Promise<void> {
    this.asked.push(what);
    signal?.throwIfAborted();
    await Promise.resolve();
    signal?.throwIfAborted();
    if (this.away !== undefined) throw this.away;
  }

  private holds(compare: EtcdCompare): boolean {
    const { key, is = 'equal', ...wanted } = compare;
    const row = this.rows.get(key);
    const [name, value] = Object.entries(wanted)[0]! as [keyof EtcdRow, bigint | string | Uint8Array];
    if (name === 'value') {
      const order = row === undefined ? -1 : Buffer.compare(row.value, Buffer.from(value as string));
      return is === 'equal' ? order === 0 : is === 'notEqual' ? order !== 0 : is === 'greater' ? order > 0 : order < 0;
    }
    const [has, want] = [(row?.[name] ?? 0n) as bigint, value as bigint];
    return is === 'equal' ? has === want : is === 'notEqual' ? has !== want : is === 'greater' ? has > want : has < want;
  }

  private apply(operations: readonly EtcdOperation[]): number {
    const revision = this.revision + 1n;
    const events: EtcdEvent[] = operations.flatMap((operation): EtcdEvent[] => {
      if ('put' in operation) {
        const previous = this.rows.get(operation.put);
        const row: EtcdRow = {
          key: operation.put,
          value: Buffer.from(operation.value as string),
          createRevision: previous?.createRevision ?? revision,
          modRevision: revision,
          version: (previous?.version ?? 0n) + 1n,
          lease: operation.lease ?? 0n,
        };
        this.rows.set(row.key, row);
        return [{ type: 'put', row, previous }];
      }
      if (!('delete' in operation)) return [];
      return [...this.rows.values()]
        .filter(({ key }) => isIn(operation.delete, key))
        .map((previous) => {
          this.rows.delete(previous.key);
          return { type: 'delete', row: { key: previous.key, value: Buffer.alloc(0), createRevision: 0n, modRevision: revision, version: 0n, lease: 0n }, previous };
        });
    });
    if (events.length === 0) return 0;
    this.revision = revision;
    const changes = { revision, events };
    this.history.push(changes);
    for (const watcher of this.watchers) {
      watcher.pending.push(...within(watcher.range, changes));
      watcher.wake();
    }
    return events.length;
  }

  private rowsAt(at: bigint): Map<string, EtcdRow> {
    const rows = new Map<string, EtcdRow>();
    for (const { revision, events } of this.history) {
      if (revision > at) break;
      for (const { type, row } of events) if (type === 'put') rows.set(row.key, row); else rows.delete(row.key);
    }
    return rows;
  }
}

function isIn(range: EtcdRange, key: string): boolean {
  return typeof range === 'string' ? key === range : key.startsWith(range.prefix);
}

function within(range: EtcdRange, { revision, events }: EtcdChanges): EtcdChanges[] {
  const ours = events.filter(({ row }) => isIn(range, row.key));
  return ours.length === 0 ? [] : [{ revision, events: ours }];
}
