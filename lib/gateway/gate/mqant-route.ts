import { RpcError } from '../../common/rpc-error.js';
import { parseTarget } from '../../common/service-node.js';
import type { GateSession } from '../../rpc/gate-session.js';
import { DONE, type RouteContext, type Routed } from './route.js';

const NO_BODY = 0x7b; // {
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * mqant's default route (gate/base/mqtt_agent.go): `type[@node]/HD_handler` calls without reply, `type[@node]/HD_handler/msgid` with one on the same topic.
 * The handler gets the session and the body: an object where that is JSON in braces, else bytes. Other topics are for subscribers.
 */
export async function mqantRoute(session: GateSession, topic: string, body: Uint8Array, context: RouteContext): Promise<Routed> {
  const [target = '', fn, ...rest] = topic.split('/');
  // mqant answers these with an error; here they are ordinary MQTT topics.
  if (fn === undefined || !fn.startsWith('HD_') || rest.length > 1 || target === '' || target.startsWith('$')) return { kind: 'publish' };
  const wantsReply = rest.length === 1 && rest[0] !== '';
  const { type } = parseTarget(target);
  if (!context.allows(type)) return refused(wantsReply, `Service(type:${type}) not found`);
  let argument: unknown = body;
  if (looksLikeJson(body)) {
    try {
      argument = JSON.parse(decoder.decode(body));
    } catch {
      return refused(wantsReply, 'The JSON format is incorrect');
    }
  }
  const { rpc, signal, timeoutMs } = context;
  const options = { external: true, signal, ...(timeoutMs !== undefined && { timeoutMs }) };
  try {
    if (!wantsReply) {
      await rpc.notify(target, fn, [session, argument], options);
      return DONE;
    }
    return { kind: 'reply', result: await rpc.call(target, fn, [session, argument], options) };
  } catch (error) {
    return refused(wantsReply, errorText(error, type));
  }
}

/** What a client is told: mqant's words where it has some. */
export function errorText(error: unknown, type: string): string {
  if (!RpcError.is(error)) return 'internal error';
  if (error.reason === 'SERVICE_NOT_FOUND' || error.reason === 'NODE_NOT_FOUND') return `Service(type:${type}) not found`;
  if (error.code === 'DEADLINE_EXCEEDED') return 'deadline exceeded';
  return error.message;
}

function refused(wantsReply: boolean, error: string): Routed {
  return wantsReply ? { kind: 'error', error } : DONE;
}

function looksLikeJson(body: Uint8Array): boolean {
  return body.length > 1 && body[0] === NO_BODY && body[body.length - 1] === 0x7d;
}
