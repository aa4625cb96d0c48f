/**
 * One running instance of a service, as callers see it. Frozen: a change is a new object.
 * @public
 */
export interface ServiceNode {
  /** `type@id`, exactly one `@`. */
  readonly id: string;
  /** Service name. */
  readonly type: string;
  readonly version: string;
  /** Where the transport reaches it (the mqant subject on NATS). No `:` inside. */
  readonly address: string;
  /** Free key-value pairs. Keys beginning with `anthill.` are ours, see {@link NODE_META}. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Metadata keys that nodes of this framework publish. */
export const NODE_META = {
  /** Wires the node speaks, comma separated, best first: `anthill/1,mqant`. Absent: `mqant`. */
  wires: 'anthill.wires',
  /** What the node's `anthill/1` can do, comma separated, for callers newer or older than it. */
  capabilities: 'anthill.caps',
  /** Subject of the node's process for `anthill/1`. */
  process: 'anthill.process',
  /** Transport name the address belongs to. */
  transport: 'anthill.transport',
  /** The environment of its process, when config names one. */
  environment: 'anthill.env',
  /** Tags that a registry has beside metadata (Consul), separated by commas. */
  tags: 'anthill.tags',
  /** `host:port` of the gRPC server that serves the node. */
  grpc: 'anthill.grpc',
  /** `host:port` of the health server of the node's process. */
  health: 'anthill.health',
} as const;

/** Splits `type@id`; a target without id, or with an empty one, has none. mqant's rule (app.go:420): exactly one `@`. */
export function parseTarget(target: string): { type: string; nodeId?: string } {
  const at = target.indexOf('@');
  if (at < 0) return { type: target };
  const type = target.slice(0, at);
  if (at === target.length - 1 || target.indexOf('@', at + 1) >= 0) return { type };
  return { type, nodeId: target };
}
