import { type RpcCodeName } from './rpc-code.js';

/** Marks errors of another copy of this package in the same process, where `instanceof` would fail. */
const BRAND = Symbol.for('anthill/RpcError');

/** What an {@link RpcError} is made of. @public */
export interface RpcErrorInit {
  /** One of gRPC's sixteen. */
  code: RpcCodeName;
  /** What happened, where, what to try. Travels to the caller. */
  message: string;
  /** Machine-readable cause in UPPER_SNAKE. Names raised by this library are listed in docs/errors.md; yours are your own. @default the code */
  reason?: string;
  /** Short strings for machines, such as the path or the limit. Travels. */
  metadata?: Readonly<Record<string, string>>;
  /** Anything the codec can carry. Travels. */
  details?: unknown;
  /** The original error. Goes to the log, never to the wire. */
  cause?: unknown;
  /** True when the callee answered it, from another process or from this one; false for what the caller's side raised. @default false */
  remote?: boolean;
  /**
   * True when the request provably did not reach a handler, so that sending it again, elsewhere, is safe.
   * @default false
   */
  undelivered?: boolean;
}

/**
 * The one error class of calls. What a caller catches is always one of these (or a class declared with `@RpcErrorClass` that extends it).
 * @public
 */
export class RpcError extends Error {
  override name = 'RpcError';
  readonly code: RpcCodeName;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly details: unknown;
  readonly remote: boolean;
  readonly undelivered: boolean;

  constructor(init: RpcErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason ?? init.code;
    this.metadata = init.metadata ?? {};
    this.details = init.details;
    this.remote = init.remote ?? false;
    this.undelivered = init.undelivered ?? false;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for errors of this class, from any copy of this package. */
  static is(value: unknown): value is RpcError {
    try {
      return typeof value === 'object' && value !== null && BRAND in value;
    } catch {
      // A proxy that refuses to be looked at.
      return false;
    }
  }

  /** The readable form for JSON logs: no stack, no cause. */
  toJSON(): { code: RpcCodeName; reason: string; message: string; metadata: Readonly<Record<string, string>>; details?: unknown } {
    const { code, reason, message, metadata, details } = this;
    return details === undefined ? { code, reason, message, metadata } : { code, reason, message, metadata, details };
  }
}
