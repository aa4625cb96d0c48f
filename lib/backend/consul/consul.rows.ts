/** Body of `PUT /v1/agent/service/register`, as far as we write it. mqant sets no port, meta or weights. */
export interface ConsulRegistration {
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly Port?: number;
  readonly Tags: readonly string[];
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
  readonly Check: ConsulCheck;
}

/** One of `TTL` (we say that all is well), `GRPC` (`host:port/service`) and `HTTP`, which the agent asks each `Interval`. Durations are Go's texts. */
export interface ConsulCheck {
  readonly TTL?: string;
  readonly GRPC?: string;
  readonly GRPCUseTLS?: boolean;
  readonly HTTP?: string;
  readonly TLSSkipVerify?: boolean;
  readonly Interval?: string;
  readonly Timeout?: string;
  /** Until the first result; without it `critical`. */
  readonly Status?: 'passing' | 'critical';
  /** Consul takes less than a minute for a minute, and looks every half. */
  readonly DeregisterCriticalServiceAfter?: string;
}

/** One row of `GET /v1/health/service/<name>`, as far as we read it. Any field can be absent or foreign. */
export interface ConsulHealthEntry {
  Node?: { Node?: string; Address?: string; ModifyIndex?: number };
  Service?: {
    ID?: string;
    Service?: string;
    Address?: string;
    Port?: number;
    Tags?: readonly string[] | null;
    Meta?: Readonly<Record<string, string>> | null;
    Weights?: { Passing?: number; Warning?: number } | null;
    ModifyIndex?: number;
  };
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

/** One operation of `PUT /v1/txn` on a key. */
export interface ConsulKeyOperation {
  /** `lock` writes a key under a session, unless another one has it; `cas` with `Index` 0 only makes a new one; `check-session` says that a session has it. */
  readonly Verb: 'set' | 'cas' | 'lock' | 'check-session' | 'delete';
  readonly Key: string;
  readonly Value?: string;
  readonly Index?: number;
  readonly Session?: string;
}
