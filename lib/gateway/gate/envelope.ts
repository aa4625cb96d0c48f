import { isMarshaler } from '../../common/value-types.js';
import type { SessionState } from '../../common/session.js';

/** Makes the body of a reply (mqant's SetProtocolMarshal). @public */
export type ReplyEnvelope = (session: SessionState, result: unknown, error: string) => Uint8Array;

/** mqant's reply, keys in its order; bytes become base64, as Go writes them. A result with `marshal()` is sent as its own bytes. */
export const mqantEnvelope: ReplyEnvelope = (session, result, error) => {
  if (error === '' && isMarshaler(result)) return result.marshal();
  const value = result === undefined ? null : result;
  // A replacer costs more than all the rest, and such a value needs none.
  const isSimple = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
  return Buffer.from(JSON.stringify({ Trace: session.traceId, Error: error, Result: value }, isSimple ? undefined : plain), 'utf8');
};

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  // A Buffer has turned itself into this by the time we see it.
  if (typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer' && Array.isArray((value as { data?: unknown }).data)) {
    return Buffer.from((value as { data: number[] }).data).toString('base64');
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
