import type { Shape } from './etcd.codec.js';

/*
 * The part of etcd's v3 API (etcdserverpb in rpc.proto, mvccpb in kv.proto; stable since etcd 3.0) that this library speaks: numbers and kinds of
 * fields, in its own names.
 */

const Header = { clusterId: [1, 'long'], memberId: [2, 'long'], revision: [3, 'long'], raftTerm: [4, 'long'] } as const satisfies Shape;

export const KeyValue = {
  key: [1, 'bytes'],
  createRevision: [2, 'long'],
  modRevision: [3, 'long'],
  version: [4, 'long'],
  value: [5, 'bytes'],
  lease: [6, 'long'],
} as const satisfies Shape;

const RangeRequest = {
  key: [1, 'bytes'],
  rangeEnd: [2, 'bytes'],
  limit: [3, 'long'],
  revision: [4, 'long'],
  keysOnly: [8, 'bool'],
} as const satisfies Shape;
const RangeResponse = { header: [1, Header], kvs: [2, [KeyValue]], more: [3, 'bool'], count: [4, 'long'] } as const satisfies Shape;

const PutRequest = { key: [1, 'bytes'], value: [2, 'bytes'], lease: [3, 'long'] } as const satisfies Shape;
const PutResponse = { header: [1, Header] } as const satisfies Shape;

const DeleteRangeRequest = { key: [1, 'bytes'], rangeEnd: [2, 'bytes'] } as const satisfies Shape;
const DeleteRangeResponse = { header: [1, Header], deleted: [2, 'long'] } as const satisfies Shape;

export const Compare = {
  /** 0 equal, 1 greater, 2 less, 3 not equal */
  result: [1, 'int'],
  /** 0 version, 1 create revision, 2 mod revision, 3 value, 4 lease */
  target: [2, 'int'],
  key: [3, 'bytes'],
  version: [4, 'long'],
  createRevision: [5, 'long'],
  modRevision: [6, 'long'],
  value: [7, 'bytes'],
  lease: [8, 'long'],
} as const satisfies Shape;
export const RequestOp = { range: [1, RangeRequest], put: [2, PutRequest], deleteRange: [3, DeleteRangeRequest] } as const satisfies Shape;
const ResponseOp = { range: [1, RangeResponse], put: [2, PutResponse], deleteRange: [3, DeleteRangeResponse] } as const satisfies Shape;
const TxnRequest = { compare: [1, [Compare]], success: [2, [RequestOp]], failure: [3, [RequestOp]] } as const satisfies Shape;
const TxnResponse = { header: [1, Header], succeeded: [2, 'bool'], responses: [3, [ResponseOp]] } as const satisfies Shape;

const LeaseGrantRequest = { ttl: [1, 'long'], id: [2, 'long'] } as const satisfies Shape;
const LeaseGrantResponse = { header: [1, Header], id: [2, 'long'], ttl: [3, 'long'], error: [4, 'string'] } as const satisfies Shape;
const LeaseId = { id: [1, 'long'] } as const satisfies Shape;
const LeaseRevokeResponse = { header: [1, Header] } as const satisfies Shape;
const LeaseKeepAliveResponse = { header: [1, Header], id: [2, 'long'], ttl: [3, 'long'] } as const satisfies Shape;

const WatchCreateRequest = { key: [1, 'bytes'], rangeEnd: [2, 'bytes'], startRevision: [3, 'long'], prevKv: [6, 'bool'] } as const satisfies Shape;
const WatchRequest = { create: [1, WatchCreateRequest] } as const satisfies Shape;
/** `type`: 0 put, 1 delete */
const Event = { type: [1, 'int'], kv: [2, KeyValue], prevKv: [3, KeyValue] } as const satisfies Shape;
const WatchResponse = {
  header: [1, Header],
  watchId: [2, 'long'],
  created: [3, 'bool'],
  canceled: [4, 'bool'],
  compactRevision: [5, 'long'],
  cancelReason: [6, 'string'],
  events: [11, [Event]],
} as const satisfies Shape;

const AuthenticateRequest = { name: [1, 'string'], password: [2, 'string'] } as const satisfies Shape;
const AuthenticateResponse = { header: [1, Header], token: [2, 'string'] } as const satisfies Shape;

const StatusRequest = {} as const satisfies Shape;
const StatusResponse = { header: [1, Header], version: [2, 'string'], leader: [4, 'long'] } as const satisfies Shape;

/** One method of etcd. */
export interface Method<Q extends Shape, A extends Shape> {
  readonly path: string;
  readonly request: Q;
  readonly response: A;
  /** Sending it twice does what sending it once does, whatever others do between. */
  readonly repeatable: boolean;
}

function method<Q extends Shape, A extends Shape>(path: string, request: Q, response: A, repeatable = false): Method<Q, A> {
  return { path: `/etcdserverpb.${path}`, request, response, repeatable };
}

export const methods = {
  range: method('KV/Range', RangeRequest, RangeResponse, true),
  put: method('KV/Put', PutRequest, PutResponse),
  deleteRange: method('KV/DeleteRange', DeleteRangeRequest, DeleteRangeResponse),
  txn: method('KV/Txn', TxnRequest, TxnResponse),
  leaseGrant: method('Lease/LeaseGrant', LeaseGrantRequest, LeaseGrantResponse),
  leaseRevoke: method('Lease/LeaseRevoke', LeaseId, LeaseRevokeResponse),
  leaseKeepAlive: method('Lease/LeaseKeepAlive', LeaseId, LeaseKeepAliveResponse, true),
  watch: method('Watch/Watch', WatchRequest, WatchResponse, true),
  authenticate: method('Auth/Authenticate', AuthenticateRequest, AuthenticateResponse, true),
  status: method('Maintenance/Status', StatusRequest, StatusResponse, true),
} as const;
