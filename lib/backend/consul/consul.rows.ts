/** What `PUT /v1/agent/service/register` gets. mqant sets no port, no meta. */
export interface ConsulRegistration {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly tags: readonly string[];
  readonly check: { readonly ttl: string; readonly deregistercriticalserviceafter: string };
}

/** One row of `GET /v1/health/service/<name>`, as far as we read it. Any field can be absent or foreign. */
export interface ConsulHealthEntry {
  Node?: { Node?: string; Address?: string };
  Service?: { ID?: string; Service?: string; Address?: string; Tags?: readonly string[] | null };
  Checks?: readonly { Status?: string }[] | null;
}

/** One row of `GET /v1/kv/<key>`, its value decoded. A key without a value has null. */
export interface ConsulKeyRow {
  Key: string;
  Value?: Buffer | null;
  ModifyIndex: number;
}

/** A key as it stands in Consul. */
export interface ConsulKey {
  readonly key: string;
  readonly value: Buffer;
  /** Grows with each write. */
  readonly modifyIndex: bigint;
}
