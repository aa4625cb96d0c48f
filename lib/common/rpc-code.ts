/**
 * The closed set of outcomes a call can have. Numbers and meanings are gRPC's, so that gateways map them by table.
 * @public
 */
export const RpcCode = {
  /** The caller gave up (abort signal). */
  CANCELLED: 1,
  /** An error with no code of its own, such as one that came over the mqant wire. */
  UNKNOWN: 2,
  /** The arguments are wrong whatever the state of the system. */
  INVALID_ARGUMENT: 3,
  /** The deadline passed before the reply came. */
  DEADLINE_EXCEEDED: 4,
  /** The service, node, handler or entity does not exist. */
  NOT_FOUND: 5,
  /** What should be made exists. */
  ALREADY_EXISTS: 6,
  /** The caller is known and may not do this. */
  PERMISSION_DENIED: 7,
  /** A queue, a quota or a size limit is exhausted. */
  RESOURCE_EXHAUSTED: 8,
  /** The system is not in the state the call needs; do not retry as it is. */
  FAILED_PRECONDITION: 9,
  /** Aborted by a concurrent change; retry at a higher level. */
  ABORTED: 10,
  /** Past the valid range. */
  OUT_OF_RANGE: 11,
  /** The peer cannot do this at all. */
  UNIMPLEMENTED: 12,
  /** A bug: the details are in the callee's log under the correlation id. */
  INTERNAL: 13,
  /** Nobody can answer now; retry with back-off. */
  UNAVAILABLE: 14,
  /** Unrecoverable loss or corruption. */
  DATA_LOSS: 15,
  /** The caller is not known. */
  UNAUTHENTICATED: 16,
} as const;

/** Name of an outcome, as in `error.code`. @public */
export type RpcCodeName = keyof typeof RpcCode;

const names = new Map<number, RpcCodeName>(Object.entries(RpcCode).map(([name, value]) => [value, name as RpcCodeName]));

/** Name for a number from the wire; numbers we do not know are `UNKNOWN`. */
export function codeName(value: number): RpcCodeName {
  return names.get(value) ?? 'UNKNOWN';
}

/** True for a string that names a code. */
export function isCodeName(value: unknown): value is RpcCodeName {
  return typeof value === 'string' && Object.hasOwn(RpcCode, value);
}
