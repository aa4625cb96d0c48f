import type { EtcdChanges, EtcdRange, EtcdRangeOptions, EtcdRangeResult, EtcdTransaction, EtcdTransactionResult } from './etcd.rows.js';

/**
 * The calls to etcd's v3 API that this library makes. All reject with {@link EtcdRequestError}, end within the connection's `timeoutMs`, and end at once
 * when their signal aborts (then with its reason). Reads ask the whole cluster (linearizable). A write that may have reached etcd is never sent again.
 */
export interface EtcdClient {
  range(range: EtcdRange, options?: EtcdRangeOptions, signal?: AbortSignal): Promise<EtcdRangeResult>;
  /** With a lease the key goes when the lease does. Resolves with the revision that it made. */
  put(key: string, value: string | Uint8Array, options?: { lease?: bigint }, signal?: AbortSignal): Promise<{ revision: bigint }>;
  deleteRange(range: EtcdRange, signal?: AbortSignal): Promise<{ revision: bigint; deleted: number }>;
  /** Compare-and-set: `{ compare: [{ key, modRevision }], success: [{ put: key, value }], failure: [{ range: key }] }`. */
  txn(transaction: EtcdTransaction, signal?: AbortSignal): Promise<EtcdTransactionResult>;
  /** etcd may grant more seconds than asked for; whole seconds only, at least 1. */
  grantLease(ttlSeconds: number, signal?: AbortSignal): Promise<{ id: bigint; ttlSeconds: number }>;
  /** Renews it once. Resolves with the seconds it has now, 0 when it is gone. */
  keepAlive(lease: bigint, signal?: AbortSignal): Promise<number>;
  /** Ends it and takes out its keys. One that is gone already is no error. */
  revokeLease(lease: bigint, signal?: AbortSignal): Promise<void>;
  /**
   * Changes from that revision on, until `signal` aborts. Throws when the stream breaks (list again, and watch from there; see `followPrefix`), kind
   * `compacted` when the revision is too old. A member that is cut off from the cluster's leader ends the watch instead of staying silent.
   */
  watch(range: EtcdRange, fromRevision: bigint, signal: AbortSignal): AsyncIterable<EtcdChanges>;
  /** Resolves when a member answers and knows a leader. */
  status(signal?: AbortSignal): Promise<{ version: string }>;
  /** Cuts the connections; what is under way rejects. */
  close(): void;
}

/**
 * - `unreachable`: no answer; check network and address, or wait
 * - `denied`: user, password or role
 * - `compacted`: the revision is older than what etcd keeps; list again
 * - `lease-gone`: the lease ran out or was revoked; grant another
 * - `refused`: any other answer that is an error
 */
export type EtcdFailure = 'unreachable' | 'denied' | 'compacted' | 'lease-gone' | 'refused';

/** A request to etcd that failed. The message names the address and never the password. */
export class EtcdRequestError extends Error {
  override name = 'EtcdRequestError';
  constructor(
    readonly kind: EtcdFailure,
    message: string,
    /** For `compacted`: the oldest revision that can still be watched. */
    readonly compactRevision?: bigint,
  ) {
    super(message);
  }
}
