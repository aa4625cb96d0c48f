/** Keys are text; etcd sorts them by their bytes in UTF-8. A range is one key, or all that begin with a prefix (`''` is all keys). */
export type EtcdRange = string | { readonly prefix: string };

/** One key as it stands in etcd. Revisions are etcd's logical time, one count for the whole store. */
export interface EtcdRow {
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** Changes since it was created, from 1. */
  readonly version: bigint;
  /** 0: none. */
  readonly lease: bigint;
}

export interface EtcdRangeOptions {
  /** As it was then. @default now */
  revision?: bigint;
  /** At most so many rows. @default all */
  limit?: number;
  /** Values come empty. */
  keysOnly?: boolean;
}

export interface EtcdRangeResult {
  /** Sorted by key. */
  readonly rows: readonly EtcdRow[];
  /** There are more than `limit`. */
  readonly more: boolean;
  /** Of the store when it answered: a watch from the next one misses nothing. */
  readonly revision: bigint;
}

/** A condition of a transaction; a key that is not there has version and revisions 0. `is` defaults to `equal`. */
export type EtcdCompare = { readonly key: string; readonly is?: 'equal' | 'greater' | 'less' | 'notEqual' } & (
  | { readonly modRevision: bigint }
  | { readonly createRevision: bigint }
  | { readonly version: bigint }
  | { readonly lease: bigint }
  | { readonly value: string | Uint8Array }
);

/** One operation of a transaction. */
export type EtcdOperation =
  | { readonly put: string; readonly value: string | Uint8Array; readonly lease?: bigint }
  | { readonly delete: EtcdRange }
  | { readonly range: EtcdRange; readonly limit?: number };

export interface EtcdTransaction {
  /** All must hold. */
  readonly compare: readonly EtcdCompare[];
  /** Done at once when they do. */
  readonly success: readonly EtcdOperation[];
  /** Done at once when they do not. */
  readonly failure?: readonly EtcdOperation[];
}

export interface EtcdTransactionResult {
  /** The conditions held. */
  readonly succeeded: boolean;
  readonly revision: bigint;
  /** Of each `range` among the operations that were done, in their order. */
  readonly ranges: readonly (readonly EtcdRow[])[];
}

/** A change. A `delete` has the key and the revision only; `previous` is what stood there before, unless etcd has compacted it away. */
export interface EtcdEvent {
  readonly type: 'put' | 'delete';
  readonly row: EtcdRow;
  readonly previous: EtcdRow | undefined;
}

/** Changes in order; those of one transaction are never split. */
export interface EtcdChanges {
  readonly revision: bigint;
  readonly events: readonly EtcdEvent[];
}
