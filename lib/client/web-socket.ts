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
