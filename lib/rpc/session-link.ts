import { SESSION_TYPE, type SessionLink, type SessionState } from '../common/session.js';
import { mapstr } from '../common/value-types.js';
import { sessionOf } from './gate-session.js';
import type { Rpc } from './rpc.client.js';
import { Trace } from './trace.js';

/** Functions of a gate's node that answer with the session (mqant gate/base/session.go). */
const GIVES_SESSION: ReadonlySet<string> = new Set(['Update', 'Bind', 'UnBind', 'Set', 'Push', 'Remove']);

/** Calls the gate's node as mqant's sessions do: trace first, then the session id. */
export class RpcSessionLink implements SessionLink {
  constructor(private readonly rpc: Rpc) {}

  async call(session: SessionState, fn: string, args: readonly unknown[], noReply: boolean): Promise<unknown> {
    const values = [new Trace(session.traceId, session.spanId), session.sessionId, ...args.map(wireValue)];
    if (noReply) return this.rpc.notify(session.serverId, fn, values);
    if (!GIVES_SESSION.has(fn)) return this.rpc.call(session.serverId, fn, values);
    const answer: unknown = await this.rpc.call(session.serverId, fn, values, { returns: SESSION_TYPE });
    // The mqant wire reads it by its label, the native one gives its bytes; null is a gate that says nothing.
    return answer === null ? null : sessionOf(answer, this);
  }
}

/** Go takes settings as a map of texts and nothing else. */
function wireValue(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) ? mapstr(value as Readonly<Record<string, string>>) : value;
}
