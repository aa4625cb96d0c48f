/** The gate of a worker. */
export interface GatePlan {
  /** Of MQTT over TCP. */
  readonly tcp: number;
  readonly websocket?: number;
  /** Port of the Redis server that the gates share. Without it the gate remembers by itself. */
  readonly redis?: number;
  readonly keepMs?: number;
  readonly onDuplicate?: 'allow' | 'kick' | 'refuse';
  readonly limits?: Readonly<Record<string, number | string>>;
}

/** How a gate is. */
export interface GateReport {
  /** Connected clients that were let in. */
  readonly clients: number;
  /** What the gate has counted: name, and what about it. */
  readonly counts: Readonly<Record<string, number>>;
}

/** An open loop of pushes of QoS 1 to one user after the other, on the topic `inbox`; each body is `{ n }`, which no other push has. */
export interface PushPlan {
  readonly users: readonly string[];
  readonly perSecond: number;
}

/** How a push went for its sender. */
export interface PushRecord {
  readonly n: string;
  readonly user: string;
  /** Code and reason. Undefined: it was acknowledged. */
  readonly error?: string;
  readonly ms: number;
}
