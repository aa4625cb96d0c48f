import { Server as NetServer } from 'node:net';
import { systemClock } from '../../../common/clock.js';

/** A client that is at work sends its next request by then, and learns from the answer that the connection is over. */
const LINGER_MS = 250;
const TICK_MS = 50;

type HttpServer = NetServer & { closeIdleConnections(): void; closeAllConnections(): void };

/**
 * Closes a server so that no request is cut off. Node's own `close` ends idle connections at once, and with them requests that are on their way: here
 * they have a moment, in which answers say `Connection: close`.
 * @param signal when it aborts, everything is cut
 */
export async function drainServer(server: HttpServer, signal: AbortSignal): Promise<void> {
  const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()));
  let lingered = 0;
  let cancel = (): void => {};
  const tick = (): void => {
    cancel = systemClock.after(TICK_MS, () => {
      lingered += TICK_MS;
      if (lingered >= LINGER_MS) server.closeIdleConnections();
      tick();
    });
  };
  tick();
  const cut = (): void => server.closeAllConnections();
  if (signal.aborted) cut();
  signal.addEventListener('abort', cut, { once: true });
  await closed;
  cancel();
  signal.removeEventListener('abort', cut);
}
