import type { ServerResponse } from 'node:http';
import type { HttpReply } from '../exchange.js';

/** Bytes; what is smaller the operating system takes at once. */
const LARGE = 65_536;

/**
 * Cuts off a client that asks for much and does not read it: its answer would be held for as long as it likes. Who reads, however slowly, gets all of it: each byte
 * that leaves begins the time anew.
 */
export function watchReader(answer: ServerResponse, { body }: HttpReply, timeoutMs: number): void {
  const { socket } = answer;
  if (socket === null || body === undefined || body.length < LARGE) return;
  // Node ends a connection by itself when this is over.
  socket.setTimeout(timeoutMs);
  // Before Node sets the time for the next request.
  answer.prependOnceListener('finish', () => socket.setTimeout(0));
}
