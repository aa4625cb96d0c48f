import { EtcdRequestError } from './etcd.client.js';
import type { EtcdConnection } from './etcd.connection.js';
import { CODE, WireFailure } from './etcd.wire.js';

/** What went wrong, for people: which etcd, what it said, what to try. Anything that is no {@link WireFailure} passes as it is. */
export function explainFailure({ address, credentials }: EtcdConnection, what: string, cause: unknown): unknown {
  if (!(cause instanceof WireFailure)) return cause;
  const { code, details } = cause;
  const where = `etcd at ${address}`;
  const said = details.replace(/^etcdserver: /, '').slice(0, 300);
  const who = credentials === undefined ? 'a client without user' : `user "${credentials.user}"`;
  if (code === CODE.deadlineExceeded) return new EtcdRequestError('unreachable', `${where} cannot be reached (it did not answer in time); check that it runs and has a quorum, and that endpoints is right`);
  if (code === CODE.unavailable && details.startsWith('etcdserver:')) return new EtcdRequestError('unreachable', `${where} cannot serve now (${said}); check the members of the cluster`);
  if (code === CODE.unavailable) return new EtcdRequestError('unreachable', `${where} cannot be reached (${reasonOf(details)}); check that it runs, and that endpoints and tls are right`);
  if (/authentication failed/.test(details)) return new EtcdRequestError('denied', `${where} refused ${who}: ${said}; check user and password`);
  if (/user name is empty/.test(details)) return new EtcdRequestError('denied', `${where} wants a user and a password; set the options user and password`);
  if (code === CODE.permissionDenied || code === CODE.unauthenticated) return new EtcdRequestError('denied', `${where}: ${who} may not ${what} (${said}); check its roles`);
  if (code === CODE.outOfRange && /compacted/.test(details)) return compacted(address, undefined);
  if (code === CODE.notFound && /lease not found/.test(details)) return new EtcdRequestError('lease-gone', `${where} does not know the lease (any more); grant another`);
  return new EtcdRequestError('refused', `${where} refused to ${what}: ${said}`);
}

export function compacted(address: string, compactRevision: bigint | undefined): EtcdRequestError {
  return new EtcdRequestError('compacted', `etcd at ${address} has forgotten what was before revision ${compactRevision ?? 'its last compaction'}; list again`, compactRevision);
}

/** The one telling part of what grpc-js says. */
function reasonOf(details: string): string {
  const last = /Last error: (?:Error: )?(.*?)\.? Resolution note:/s.exec(details)?.[1];
  return (last ?? details)
    .replace(/\s+/g, ' ')
    .replace(/^Error \[\w+\]: | \(\d{4}-\d\d-\d\dT[^)]*\)$/g, '')
    // OpenSSL: `805C…:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:…`
    .replace(/^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):.*$/, '$1')
    .slice(0, 300);
}
