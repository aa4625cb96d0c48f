import type { ConsulHealthEntry, ConsulRegistration } from '../../backend/consul/consul.rows.js';
import type { ServiceNode } from '../../common/service-node.js';

/**
 * What a node looks like in Consul. `mqantRecord()`, `grpcRecord()` and `hrpcRecord()` are three; one of your own is given to `consul({ record })` or to
 * `@RpcModule({ registration })`.
 * @plugin
 */
export interface ConsulRecord {
  /** For messages. */
  readonly name: string;
  /** The name in Consul of a service. @default its type */
  nameOf?(type: string): string;
  /** The type of the service of this name in Consul; undefined when the name is none that {@link nameOf} gives. @default the name */
  typeOf?(name: string): string | undefined;
  /** What a node puts in: always the same ID for the same node. Undefined when it has nothing to put in, such as no gRPC endpoint. */
  encode(node: ServiceNode, ttlMs: number): ConsulRegistration | undefined;
  /** A row as node; undefined when it is not of this kind. Not asked for rows that are critical. */
  decode(entry: ConsulHealthEntry, type: string): ServiceNode | undefined;
}

export function nameOf(record: ConsulRecord, type: string): string {
  return record.nameOf?.(type) ?? type;
}
