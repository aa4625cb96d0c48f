import { MalformedBytes } from '../../rpc/byte-reader.js';
import { parseJson } from './json-text.js';

/** mqant's log.TraceSpan: two ids of 16 hex characters. Type `trace` on the mqant wire. @public */
export class Trace {
  constructor(
    readonly trace: string,
    /** The sender's span. A Go receiver replaces it by a new one; here it is kept, as the parent. */
    readonly span: string,
  ) {}
}

/** The keys are Go's field names, in Go's order. */
export function traceText(value: Trace): string {
  return JSON.stringify({ Trace: value.trace, Span: value.span });
}

/** @throws MalformedBytes */
export function parseTrace(text: string): Trace {
  const { Trace: trace = '', Span: span = '' } = (parseJson(text) ?? {}) as { Trace?: unknown; Span?: unknown };
  if (typeof trace !== 'string' || typeof span !== 'string') throw new MalformedBytes('a trace whose ids are not strings');
  return new Trace(trace, span);
}
