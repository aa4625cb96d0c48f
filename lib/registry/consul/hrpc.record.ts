import { randomInt } from 'node:crypto';
import { hostPort, parseHostPort } from '../../common/host-port.js';
import { NODE_META, type ServiceNode } from '../../common/service-node.js';
import type { ConsulRecord } from './consul.record.js';
import { fromEndpointRow, metaOf, tagsOf, weightsOf } from './endpoint-row.js';
import { goDuration } from './go-duration.js';
import { ttlCheck } from './mqant.record.js';
import { checkRecordOptions } from './record-options.js';

/** How {@link hrpcRecord} writes; all optional. @public */
export interface HrpcRecordOptions {
  /** The first tag, by which hrpc's `service.Get` chooses. @default the app's `environment`, else 'development' */
  environment?: string;
  /** More tags. @default none */
  tags?: readonly string[];
  /** How often the agent asks the health server. @default 5000 */
  intervalMs?: number;
  /** One question may take this long. @default 3000 */
  timeoutMs?: number;
  /** Critical for this long, the service is forgotten; Consul makes less than a minute a minute. @default 30000, as hrpc has it */
  deregisterAfterMs?: number;
  /** The ID in Consul of a node, asked once for each. @default a snowflake, new at each start, as hrpc has it */
  id?: (node: ServiceNode) => string;
  /** Before the first answer. @default 'passing' */
  initialStatus?: 'passing' | 'critical';
  /** Puts version and metadata of the node into the service meta, which hrpc leaves empty. @default false */
  meta?: boolean;
}

const KNOWN = {
  environment: true,
  tags: true,
  intervalMs: true,
  timeoutMs: true,
  deregisterAfterMs: true,
  id: true,
  initialStatus: true,
  meta: true,
} as const satisfies Record<keyof HrpcRecordOptions, true>;

/** Where hrpc's snowflakes begin: 2020-08-15 06:10:19 UTC. */
const HRPC_EPOCH_MS = 1_597_472_019_000n;

/**
 * What hrpc writes: a snowflake as id, the environment as tag, address and port of the gRPC server, and an HTTP check of the health server. Without a health
 * server, where hrpc has no check and dead nodes stay for ever, a TTL that we renew. For nodes with a gRPC endpoint.
 * @public
 * @throws BootError CONSUL_OPTIONS
 */
export function hrpcRecord(options: HrpcRecordOptions = {}): ConsulRecord {
  checkRecordOptions('hrpcRecord', options, KNOWN);
  const { tags = [], intervalMs = 5000, timeoutMs = 3000, deregisterAfterMs = 30_000, id = snowflake, initialStatus = 'passing', meta = false } = options;
  const ids = new Map<string, string>();
  const idOf = (node: ServiceNode): string => {
    let known = ids.get(node.id);
    if (known === undefined) ids.set(node.id, (known = id(node)));
    return known;
  };
  return {
    name: 'hrpc',
    encode(node, ttlMs) {
      const endpoint = parseHostPort(node.metadata[NODE_META.grpc] ?? '');
      if (endpoint === undefined) return undefined;
      const health = parseHostPort(node.metadata[NODE_META.health] ?? '');
      const environment = options.environment ?? node.metadata[NODE_META.environment] ?? 'development';
      return {
        ID: idOf(node),
        Name: node.type,
        Address: endpoint.host,
        Port: endpoint.port,
        Tags: tagsOf(node, [environment, ...tags]),
        ...(meta && { Meta: metaOf(node) }),
        ...weightsOf(node),
        Check:
          health === undefined
            ? ttlCheck(ttlMs)
            : {
                HTTP: `http://${hostPort(health.host, health.port)}`,
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

/** Time and 22 random bits, in hrpc's layout. Only ids of a few nodes are drawn so: two of one millisecond are the same once in four million. */
function snowflake(): string {
  return String(((BigInt(Date.now()) - HRPC_EPOCH_MS) << 22n) | BigInt(randomInt(1 << 22)));
}
