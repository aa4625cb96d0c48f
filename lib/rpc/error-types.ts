import { isCodeName, type RpcCodeName } from '../common/rpc-code.js';
import { rpcError } from '../common/error-catalog.js';
import { RpcError } from '../common/rpc-error.js';
import type { ErrorClass, ErrorTypeOptions } from '../common/handler-options.js';

export type { ErrorTypeOptions };

/** A declared error class with its wire form. */
export interface ErrorType {
  readonly type: ErrorClass;
  readonly code: RpcCodeName;
  readonly reason: string;
}

/** `OutOfStock` → `OUT_OF_STOCK`; a trailing `Error` is dropped. */
export function reasonOf(className: string): string {
  return className
    .replace(/(.)Error$/, '$1')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase();
}

const BASE_FIELDS = new Set(['name', 'message', 'stack', 'cause', 'code', 'reason', 'metadata', 'details', 'remote', 'undelivered']);

/** Turns whatever a handler threw into what may leave the process, and what a reply carries into what the caller catches. */
export class ErrorTypes {
  private readonly byReason = new Map<string, ErrorType>();

  constructor(types: Iterable<ErrorType> = []) {
    for (const type of types) this.add(type);
  }

  add(type: ErrorType): void {
    this.byReason.set(type.reason, type);
  }

  /** The wire form of a declared class, or undefined for all other errors. */
  toWire(error: unknown): RpcError | undefined {
    if (!(error instanceof Error) || this.byReason.size === 0) return undefined;
    const declared = this.declared(error);
    if (declared === undefined) return undefined;
    const details: Record<string, unknown> = {};
    for (const key of Object.keys(error)) {
      const value = (error as unknown as Record<string, unknown>)[key];
      if (!BASE_FIELDS.has(key) && typeof value !== 'function') details[key] = value;
    }
    const base = RpcError.is(error) ? error : undefined;
    return new RpcError({
      code: base?.code ?? declared.code,
      reason: declared.reason,
      message: error.message,
      ...(base && { metadata: base.metadata }),
      details: Object.keys(details).length > 0 ? details : base?.details,
      cause: error,
    });
  }

  /** True for instances of declared classes. Never throws. */
  knows(error: unknown): boolean {
    try {
      return error instanceof Error && this.declared(error) !== undefined;
    } catch {
      return false;
    }
  }

  /** The declared class it is an instance of; the one furthest down, where they extend each other. */
  private declared(error: Error): ErrorType | undefined {
    let found: ErrorType | undefined;
    for (const candidate of this.byReason.values()) {
      if (error instanceof candidate.type && (found === undefined || candidate.type.prototype instanceof found.type)) found = candidate;
    }
    return found;
  }

  /** The declared class of a remote error, made anew without running its constructor; others as they are. */
  revive(error: RpcError): Error {
    const known = this.byReason.get(error.reason);
    if (known === undefined) return error;
    const revived = Object.create(known.type.prototype as object) as Error;
    const fields: Record<string, unknown> = { __proto__: null, code: error.code, reason: error.reason, metadata: error.metadata, details: error.details, remote: true, undelivered: false };
    if (typeof error.details === 'object' && error.details !== null) {
      for (const [key, value] of Object.entries(error.details)) if (!BASE_FIELDS.has(key)) fields[key] = value;
    }
    Object.defineProperty(revived, 'message', { value: error.message, writable: true, configurable: true });
    Object.defineProperty(revived, 'name', { value: known.type.name, writable: true, configurable: true });
    Object.defineProperty(revived, 'stack', { value: error.stack, writable: true, configurable: true });
    Object.defineProperty(revived, Symbol.for('anthill/RpcError'), { value: true });
    for (const [key, value] of Object.entries(fields)) {
      try {
        Object.defineProperty(revived, key, { value, enumerable: true, writable: true, configurable: true });
      } catch {
        // An accessor of the class that refuses: the class knows better.
      }
    }
    return revived;
  }
}

/** False for errors that only look like one of ours: their fields would not survive the wire. */
export function isWellFormed({ code, reason, message, metadata }: RpcError): boolean {
  return isCodeName(code) && typeof reason === 'string' && typeof message === 'string' && typeof metadata === 'object' && metadata !== null;
}

/** An error that nobody declared: the caller learns where to look, not what it was. */
export function internalError(where: string, correlationId: string): RpcError {
  return rpcError('HANDLER_FAILED', `${where} failed; its log has the cause under ${correlationId}`, { metadata: { correlationId } });
}

