/** What went wrong with a request or a connection. @public */
export type GateErrorCode =
  | 'refused' // the gate does not let this client in
  | 'timeout' // no answer in time
  | 'closed' // the client was closed
  | 'failed' // the service answered with an error
  | 'invalid'; // a body or an answer is not what its schema says

/** @public */
export class GateError extends Error {
  override name = 'GateError';
  constructor(
    readonly code: GateErrorCode,
    message: string,
  ) {
    super(message);
  }
}
