import type { EtcdClient } from './etcd.client.js';
import type { Draft, FieldsOf } from './etcd.codec.js';
import type { EtcdConnection } from './etcd.connection.js';
import { explainFailure } from './etcd.failure.js';
import { methods, type Compare, type RequestOp } from './etcd.messages.js';
import type { EtcdChanges, EtcdCompare, EtcdOperation, EtcdRange, EtcdRangeOptions, EtcdRangeResult, EtcdTransaction, EtcdTransactionResult } from './etcd.rows.js';
import { keysOf, nameOf, rowOf } from './etcd.keys.js';
import { EtcdSession } from './etcd.session.js';
import { watchChanges } from './etcd.watch.js';
import { CODE, WireFailure, type EtcdWire } from './etcd.wire.js';

/** The client over a wire: our words to etcd's messages and back. */
export class RemoteEtcd implements EtcdClient {
  private readonly session: EtcdSession;

  constructor(private readonly connection: EtcdConnection, wire: EtcdWire) {
    this.session = new EtcdSession(connection, wire);
  }

  async range(range: EtcdRange, options: EtcdRangeOptions = {}, signal?: AbortSignal): Promise<EtcdRangeResult> {
    const { revision, limit, keysOnly } = options;
    const draft = { ...keysOf(range), revision, limit: limit === undefined ? undefined : BigInt(limit), keysOnly };
    const { header, kvs, more } = await this.explained(`read ${nameOf(range)}`, () => this.session.ask(methods.range, draft, signal));
    return { rows: kvs.map(rowOf), more, revision: header?.revision ?? 0n };
  }

  async put(key: string, value: string | Uint8Array, options: { lease?: bigint } = {}, signal?: AbortSignal): Promise<{ revision: bigint }> {
    const { header } = await this.explained(`write ${nameOf(key)}`, () => this.session.ask(methods.put, { key, value, lease: options.lease }, signal));
    return { revision: header?.revision ?? 0n };
  }

  async deleteRange(range: EtcdRange, signal?: AbortSignal): Promise<{ revision: bigint; deleted: number }> {
    const { header, deleted } = await this.explained(`delete ${nameOf(range)}`, () => this.session.ask(methods.deleteRange, keysOf(range), signal));
    return { revision: header?.revision ?? 0n, deleted: Number(deleted) };
  }

  async txn({ compare, success, failure = [] }: EtcdTransaction, signal?: AbortSignal): Promise<EtcdTransactionResult> {
    const draft = { compare: compare.map(compareOf), success: success.map(operationOf), failure: failure.map(operationOf) };
    const { header, succeeded, responses } = await this.explained('run a transaction', () => this.session.ask(methods.txn, draft, signal));
    return { succeeded, revision: header?.revision ?? 0n, ranges: responses.flatMap(({ range }) => (range === undefined ? [] : [range.kvs.map(rowOf)])) };
  }

  async grantLease(ttlSeconds: number, signal?: AbortSignal): Promise<{ id: bigint; ttlSeconds: number }> {
    const { id, ttl } = await this.explained('grant a lease', () => this.session.ask(methods.leaseGrant, { ttl: BigInt(ttlSeconds), id: 0n }, signal));
    return { id, ttlSeconds: Number(ttl) };
  }

  async keepAlive(lease: bigint, signal?: AbortSignal): Promise<number> {
    const { ttl } = await this.explained('renew a lease', () => this.session.ask(methods.leaseKeepAlive, { id: lease }, signal));
    return Math.max(0, Number(ttl));
  }

  async revokeLease(lease: bigint, signal?: AbortSignal): Promise<void> {
    const revoke = this.session.ask(methods.leaseRevoke, { id: lease }, signal).catch((cause: unknown) => {
      if (!(cause instanceof WireFailure && cause.code === CODE.notFound)) throw cause;
    });
    await this.explained('revoke a lease', () => revoke);
  }

  watch(range: EtcdRange, fromRevision: bigint, signal: AbortSignal): AsyncIterable<EtcdChanges> {
    return watchChanges(this.connection, this.session, range, fromRevision, signal);
  }

  async status(signal?: AbortSignal): Promise<{ version: string }> {
    return this.explained('tell its status', async () => {
      const { version, leader } = await this.session.ask(methods.status, {}, signal);
      if (leader === 0n) throw new WireFailure(CODE.unavailable, 'etcdserver: no leader', true);
      return { version };
    });
  }

  close(): void {
    this.session.close();
  }

  private async explained<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw explainFailure(this.connection, what, cause);
    }
  }
}

const RESULTS = { equal: 0, greater: 1, less: 2, notEqual: 3 } as const;

function compareOf(compare: EtcdCompare): Draft<FieldsOf<typeof Compare>> {
  const { key, is = 'equal', ...what } = compare;
  const [target] = (['version', 'createRevision', 'modRevision', 'value', 'lease'] as const).map((name, index) => ({ name, index })).filter(({ name }) => name in what);
  return { key, result: RESULTS[is], target: target!.index, ...what };
}

function operationOf(operation: EtcdOperation): Draft<FieldsOf<typeof RequestOp>> {
  if ('put' in operation) return { put: { key: operation.put, value: operation.value, lease: operation.lease } };
  if ('delete' in operation) return { deleteRange: keysOf(operation.delete) };
  return { range: { ...keysOf(operation.range), limit: operation.limit === undefined ? undefined : BigInt(operation.limit) } };
}
