import { MalformedBytes } from '../../rpc/byte-reader.js';
import { Trace } from '../../rpc/trace.js';
import { parseJson } from './json-text.js';

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
