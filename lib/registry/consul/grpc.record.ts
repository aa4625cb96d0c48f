import { BootError } from '../../common/boot-error.js';
import { hostPort, parseHostPort } from '../../common/host-port.js';
import { NODE_META } from '../../common/service-node.js';
import type { ConsulRecord } from './consul.record.js';
import { fromEndpointRow, metaOf, tagsOf, weightsOf } from './endpoint-row.js';
import { goDuration } from './go-duration.js';
import { checkRecordOptions } from './record-options.js';

/** How {@link grpcRecord} writes; all optional. @public */
export interface GrpcRecordOptions {
  /** Before the type in the name in Consul, such as `grpc.health.v1.`. Callers need the same. @default none */
  prefix?: string;
  /** @default none */
  tags?: readonly string[];
  /** How often the agent asks the gRPC health service. @default 10000 */
  intervalMs?: number;
  /** One question may take this long. @default 3000 */
  timeoutMs?: number;
  /** Critical for this long, the service is forgotten; Consul makes less than a minute a minute. @default 60000 */
  deregisterAfterMs?: number;
  /** The health service that is asked for. @default the type */
  checkService?: string;
  /** The agent asks over TLS, and verifies it unless `tlsSkipVerify`. @default false */
  tls?: boolean;
  tlsSkipVerify?: boolean;
  /** Before the first answer. A node registers when it serves, so that `critical` only hides it for up to an interval. @default 'passing' */
  initialStatus?: 'passing' | 'critical';
  /** Puts version and metadata of the node into the service meta. @default true */
  meta?: boolean;
}

const KNOWN = {
  prefix: true,
  tags: true,
  intervalMs: true,
  timeoutMs: true,
  deregisterAfterMs: true,
  checkService: true,
  tls: true,
  tlsSkipVerify: true,
  initialStatus: true,
  meta: true,
} as const satisfies Record<keyof GrpcRecordOptions, true>;

/**
 * A plain gRPC service: the id `<type>-<ip>-<port>`, address and port of the gRPC server, and a check that the agent makes itself with the standard health
 * service (`ip:port/<type>`). For nodes with a gRPC endpoint.
 * @public
 * @throws BootError CONSUL_OPTIONS
 */
export function grpcRecord(options: GrpcRecordOptions = {}): ConsulRecord {
  checkRecordOptions('grpcRecord', options, KNOWN);
  const { prefix = '', tags = [], intervalMs = 10_000, timeoutMs = 3000, deregisterAfterMs = 60_000, initialStatus = 'passing', meta = true } = options;
  if (/[\s/]/.test(prefix)) throw new BootError('CONSUL_OPTIONS', `grpcRecord(): the prefix '${prefix}' cannot stand in a name`);
  return {
    name: 'grpc',
    nameOf: (type) => prefix + type,
    typeOf: (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined),
    encode(node) {
      const endpoint = parseHostPort(node.metadata[NODE_META.grpc] ?? '');
      if (endpoint === undefined) return undefined;
      const { host, port } = endpoint;
      return {
        ID: `${node.type}-${host}-${port}`,
        Name: prefix + node.type,
        Address: host,
        Port: port,
        Tags: tagsOf(node, tags),
        ...(meta && { Meta: metaOf(node) }),
        ...weightsOf(node),
        Check: {
          GRPC: `${hostPort(host, port)}/${options.checkService ?? node.type}`,
          ...(options.tls && { GRPCUseTLS: true, ...(options.tlsSkipVerify && { TLSSkipVerify: true }) }),
          Interval: goDuration(intervalMs),
          Timeout: goDuration(timeoutMs),
          ...(initialStatus === 'passing' && { Status: initialStatus }),
          DeregisterCriticalServiceAfter: goDuration(deregisterAfterMs),
        },
      };
    },
    decode: fromEndpointRow,
  };
}
