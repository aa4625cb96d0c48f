import type { Channel, ChannelEvents, ClientTransport } from './channel.js';

/** As much of a WebSocket as the client needs: a browser's, Node's own from 22 on, or the `ws` package's. @public */
export interface WebSocketLike {
  readonly readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** @public */
export type WebSocketClass = new (url: string, protocols: string) => WebSocketLike;

/** @throws Error where there is none */
export function webSocketClass(given: unknown): WebSocketClass {
  const found = given ?? (globalThis as { WebSocket?: unknown }).WebSocket;
  if (typeof found !== 'function') throw new Error('there is no WebSocket here (Node 20 has none); give one: connect({ WebSocket }) with `import { WebSocket } from "ws"`');
  return found as WebSocketClass;
}

const SUBPROTOCOL = 'anthill.json';
/** Close codes of the gate after which a client stays away: kicked, or its user came in elsewhere. */
const FINAL: ReadonlySet<number> = new Set([4003, 4009]);

/** Each message is a JSON text. */
export function webSockets(given: WebSocketClass | undefined): ClientTransport {
  return {
    check: () => void webSocketClass(given),
    open(url: string, events: ChannelEvents): Channel {
      const Socket = webSocketClass(given);
      const socket = new Socket(url, SUBPROTOCOL);
      socket.onopen = () => events.onOpen();
      socket.onmessage = ({ data }) => {
        const message = parsed(data);
        if (message === undefined) events.onEnd();
        else events.onMessage(message);
      };
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => events.onEnd(FINAL.has(code) ? reason || String(code) : undefined);
      return {
        send: (message) => socket.send(JSON.stringify(message)),
        close() {
          socket.onmessage = socket.onclose = socket.onopen = null;
          socket.close();
        },
      };
    },
  };
}

function parsed(data: unknown): Record<string, unknown> | undefined {
  try {
    return JSON.parse(String(data)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
