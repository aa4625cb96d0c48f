import { RpcError } from '../../common/rpc-error.js';
import { parseTarget } from '../../common/service-node.js';
import type { CallOptions } from '../../rpc/call-options.js';
import type { GateSession } from '../../rpc/gate-session.js';
import { publicText } from '../public-text.js';
import { canTellOutside } from '../wire-filter.js';
import { DONE, type RouteContext, type Routed } from './route.js';

const PUBLISH: Routed = Object.freeze({ kind: 'publish' });
const NO_BODY = 0x7b; // {
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * mqant's default route (gate/base/mqtt_agent.go): `type[@node]/HD_handler` calls without reply, `type[@node]/HD_handler/msgid` with one on the same topic; other public handlers by
 * the gate's option `handlers`.
 * The handler gets the session and the body: an object where that is JSON in braces, else bytes. Other topics are for subscribers.
 */
export function mqantRoute(session: GateSession, topic: string, body: Uint8Array, context: RouteContext): Routed | Promise<Routed> {
  const first = topic.indexOf('/');
  // mqant answers these with an error; here they are ordinary MQTT topics.
  if (first <= 0 || topic.startsWith('$')) return PUBLISH;
  const second = topic.indexOf('/', first + 1);
  if (second >= 0 && topic.includes('/', second + 1)) return PUBLISH;
  const target = topic.slice(0, first);
  const fn = topic.slice(first + 1, second < 0 ? undefined : second);
  const wantsReply = second >= 0 && second < topic.length - 1;
  const { type } = parseTarget(target);
  if (!context.isCall(type, fn)) return PUBLISH;
  if (!context.allows(type)) return refused(wantsReply, `Service(type:${type}) not found`);
  let argument: unknown = body;
  if (looksLikeJson(body)) {
    try {
      argument = JSON.parse(decoder.decode(body));
    } catch {
      return refused(wantsReply, 'The JSON format is incorrect');
    }
  }
  const { rpc } = context;
  const options = callOf(fn, context);
  const called = wantsReply ? rpc.call(target, fn, [session, argument], options) : rpc.notify(target, fn, [session, argument], options);
  return called.then(
    (result) => (wantsReply ? { kind: 'reply', result } : DONE),
    (error: unknown) => refused(wantsReply, errorText(error, type, fn)),
  );
}

/**
 * A call from outside. Nodes that would not notice are left out, unless the handler is known to be for clients.
 * @param isKnown by its name, or by a list of the app
 */
export function callOf(fn: string, { signal, timeoutMs }: RouteContext, isKnown = fn.startsWith('HD_')): CallOptions {
  const call = timeoutMs === undefined ? { external: true, signal } : { external: true, signal, timeoutMs };
  return isKnown ? call : { ...call, filters: [canTellOutside] };
}

/** What a client is told: mqant's words where it has some, and nothing that names nodes. @param fn as the client wrote it */
export function errorText(error: unknown, type: string, fn: string): string {
  if (!RpcError.is(error)) return 'internal error';
  if (error.reason === 'SERVICE_NOT_FOUND' || error.reason === 'NODE_NOT_FOUND') return `Service(type:${type}) not found`;
  if (error.reason === 'HANDLER_NOT_FOUND') return `Remote function(${fn}) not found`;
  if (error.code === 'DEADLINE_EXCEEDED') return 'deadline exceeded';
  return publicText(error);
}

function refused(wantsReply: boolean, error: string): Routed {
  return wantsReply ? { kind: 'error', error } : DONE;
}

function looksLikeJson(body: Uint8Array): boolean {
  return body.length > 1 && body[0] === NO_BODY && body[body.length - 1] === 0x7d;
}
