import { MessageType, type Fields } from './etcd.codec.js';

/*
 * The part of etcd's v3 API (etcdserverpb in rpc.proto, mvccpb in kv.proto; stable since etcd 3.0) that this library speaks: numbers and kinds of
 * fields, in its own names.
 */

function message<const F extends Fields>(table: F): MessageType<F> {
  return new MessageType(table);
}

const Header = message({ clusterId: [1, 'long'], memberId: [2, 'long'], revision: [3, 'long'], raftTerm: [4, 'long'] });

export const KeyValue = message({
  key: [1, 'bytes'],
  createRevision: [2, 'long'],
  modRevision: [3, 'long'],
  version: [4, 'long'],
  value: [5, 'bytes'],
  lease: [6, 'long'],
});

const RangeRequest = message({
  key: [1, 'bytes'],
  rangeEnd: [2, 'bytes'],
  limit: [3, 'long'],
  revision: [4, 'long'],
  keysOnly: [8, 'bool'],
});
const RangeResponse = message({ header: [1, Header], kvs: [2, [KeyValue]], more: [3, 'bool'], count: [4, 'long'] });

const PutRequest = message({ key: [1, 'bytes'], value: [2, 'bytes'], lease: [3, 'long'] });
const PutResponse = message({ header: [1, Header] });

const DeleteRangeRequest = message({ key: [1, 'bytes'], rangeEnd: [2, 'bytes'] });
const DeleteRangeResponse = message({ header: [1, Header], deleted: [2, 'long'] });

export const Compare = message({
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
});
export const RequestOp = message({ range: [1, RangeRequest], put: [2, PutRequest], deleteRange: [3, DeleteRangeRequest] });
const ResponseOp = message({ range: [1, RangeResponse], put: [2, PutResponse], deleteRange: [3, DeleteRangeResponse] });
const TxnRequest = message({ compare: [1, [Compare]], success: [2, [RequestOp]], failure: [3, [RequestOp]] });
const TxnResponse = message({ header: [1, Header], succeeded: [2, 'bool'], responses: [3, [ResponseOp]] });

const LeaseGrantRequest = message({ ttl: [1, 'long'], id: [2, 'long'] });
const LeaseGrantResponse = message({ header: [1, Header], id: [2, 'long'], ttl: [3, 'long'], error: [4, 'string'] });
const LeaseId = message({ id: [1, 'long'] });
const LeaseRevokeResponse = message({ header: [1, Header] });
const LeaseKeepAliveResponse = message({ header: [1, Header], id: [2, 'long'], ttl: [3, 'long'] });

const WatchCreateRequest = message({ key: [1, 'bytes'], rangeEnd: [2, 'bytes'], startRevision: [3, 'long'], prevKv: [6, 'bool'] });
const WatchRequest = message({ create: [1, WatchCreateRequest] });
/** `type`: 0 put, 1 delete */
const Event = message({ type: [1, 'int'], kv: [2, KeyValue], prevKv: [3, KeyValue] });
const WatchResponse = message({
  header: [1, Header],
  watchId: [2, 'long'],
  created: [3, 'bool'],
  canceled: [4, 'bool'],
  compactRevision: [5, 'long'],
  cancelReason: [6, 'string'],
  events: [11, [Event]],
});

const AuthenticateRequest = message({ name: [1, 'string'], password: [2, 'string'] });
const AuthenticateResponse = message({ header: [1, Header], token: [2, 'string'] });

const StatusRequest = message({});
const StatusResponse = message({ header: [1, Header], version: [2, 'string'], leader: [4, 'long'] });

/** One method of etcd. */
export interface Method<Q extends Fields, A extends Fields> {
  readonly path: string;
  readonly request: MessageType<Q>;
  readonly response: MessageType<A>;
  /** Sending it twice does what sending it once does, whatever others do between. */
  readonly repeatable: boolean;
}

function method<Q extends Fields, A extends Fields>(path: string, request: MessageType<Q>, response: MessageType<A>, repeatable = false): Method<Q, A> {
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
