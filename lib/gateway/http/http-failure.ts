import type { RpcCodeName } from '../../common/rpc-code.js';

/** What is wrong with a request, found by the gateway itself: no call was made. */
export class HttpFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: RpcCodeName,
    /** UPPER_SNAKE, listed in docs/http-gateway.md. */
    readonly reason: string,
    detail: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

export const badRequest = (reason: string, detail: string): HttpFailure => new HttpFailure(400, 'INVALID_ARGUMENT', reason, detail);
export const notFound = (detail: string): HttpFailure => new HttpFailure(404, 'NOT_FOUND', 'ROUTE_NOT_FOUND', detail);
