import { parseTarget } from '../../common/service-node.js';
import type { GateSession } from '../../rpc/gate-session.js';
import { callOf, errorText } from './mqant-route.js';
import { DONE, type RouteContext, type Routed, type RouteHandler } from './route.js';

/** Options of {@link uriRoute}. @public */
export interface UriRouteOptions {
  /** Makes the handler's argument of the body. @default an object where the body is JSON in braces, else bytes */
  parse?: (topic: string, url: URL, body: Uint8Array) => unknown;
  /** Chooses the target; undefined goes on with the rule. */
  select?: (session: GateSession, topic: string, url: URL) => string | undefined;
  /** Paths that clients may call at mqant's nodes too, which cannot tell such a call from others. @default none */
  paths?: readonly string[];
}

/** Hosts that leave the choice of a node to the selector (gate/uriroute/uri_route.go). */
const ANY_NODE: ReadonlySet<string> = new Set(['modulus', 'cache', 'random', '']);

/**
 * mqant's URI topics: `im://modulus/remove_member?msg_id=1002` calls `/remove_member` of service `im`, and answers on the same topic when there is a `msg_id`; another host is the id
 * of a node. Unlike mqant's, it reaches only handlers that are public (`{ public: true }`), and at nodes of mqant those of `paths`.
 * @public
 */
export function uriRoute(options: UriRouteOptions = {}): RouteHandler {
  const known = new Set(options.paths);
  return async (session, topic, body, context): Promise<Routed> => {
    if (!/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(topic) || !URL.canParse(topic)) return { kind: 'publish' };
    const url = new URL(topic);
    const wantsReply = url.searchParams.has('msg_id');
    const target = options.select?.(session, topic, url) ?? targetOf(topic);
    try {
      return await call(session, target, url, options.parse?.(topic, url, body) ?? argumentOf(body), wantsReply, context, known);
    } catch (error) {
      const text = error instanceof SyntaxError ? 'The JSON format is incorrect' : errorText(error, parseTarget(target).type, url.pathname);
      return wantsReply ? { kind: 'error', error: text } : DONE;
    }
  };
}

async function call(session: GateSession, target: string, url: URL, argument: unknown, wantsReply: boolean, context: RouteContext, known: ReadonlySet<string>): Promise<Routed> {
  const { type } = parseTarget(target);
  if (!context.allows(type)) return wantsReply ? { kind: 'error', error: `Service(type:${type}) not found` } : DONE;
  const { rpc } = context;
  const path = decodeURIComponent(url.pathname);
  const call = callOf(path, context, known.has(path));
  if (wantsReply) return { kind: 'reply', result: await rpc.call(target, path, [session, argument], call) };
  await rpc.notify(target, path, [session, argument], call);
  return DONE;
}

/** From the text: a URL's own scheme and host have lost their upper case. */
function targetOf(topic: string): string {
  const [, scheme = '', host = ''] = /^([^:]+):\/\/([^/?#]*)/.exec(topic) ?? [];
  return ANY_NODE.has(host) ? scheme : `${scheme}@${host}`;
}

function argumentOf(body: Uint8Array): unknown {
  const isJson = body.length > 1 && body[0] === 0x7b && body[body.length - 1] === 0x7d;
  return isJson ? (JSON.parse(Buffer.from(body).toString('utf8')) as unknown) : body;
}
