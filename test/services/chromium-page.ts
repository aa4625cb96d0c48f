import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { RunningServer } from './server-process.js';

/** A page in a browser under the control of a test. */
export interface Page {
  /** The value of a JavaScript expression in the page; a promise is awaited. @throws with what it throws there */
  evaluate(expression: string): Promise<unknown>;
  /** A picture of what a person would see, as PNG. */
  screenshot(): Promise<Buffer>;
  close(): Promise<void>;
}

/** What comes back from the browser: the reply to a command, or an event. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

const commandTimeoutMs = 20_000;

/**
 * Opens a page in a Chromium of startChromium, and resolves when it has loaded.
 * Speaks the Chrome DevTools Protocol 1.3: JSON objects of `id`, `method` and `params` over a WebSocket for each page.
 */
export async function openPage(chromium: RunningServer, url: string): Promise<Page> {
  const created = await fetch(`${chromium.url}/json/new?about:blank`, { method: 'PUT', signal: AbortSignal.timeout(commandTimeoutMs) });
  const { webSocketDebuggerUrl } = (await created.json()) as { webSocketDebuggerUrl: string };
  const session = new Session(new WebSocket(webSocketDebuggerUrl));
  await session.open();
  await session.send('Page.enable');
  // The browser's page about an error is loaded too.
  const [{ errorText }] = await Promise.all([session.send('Page.navigate', { url }), session.event('Page.loadEventFired')]);
  if (errorText === undefined) return session;
  await session.close();
  throw new Error(`${url}: ${String(errorText)}`);
}

class Session implements Page {
  #last = 0;
  readonly #waiting = new Map<number | string, (message: Message) => void>();

  constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      this.#waiting.get(message.id ?? message.method ?? '')?.(message);
    });
  }

  async open(): Promise<void> {
    await once(this.socket, 'open', { signal: AbortSignal.timeout(commandTimeoutMs) });
  }

  async send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = (this.#last += 1);
    const reply = this.#next(id, method);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await reply;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  event(name: string): Promise<Message> {
    return this.#next(name, name);
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    const thrown = exceptionDetails as { text: string; exception?: { description?: string; value?: unknown } } | undefined;
    if (thrown !== undefined) throw new Error(thrown.exception?.description ?? `${thrown.text} ${String(thrown.exception?.value)}`);
    return (result as { value?: unknown }).value;
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const closed = once(this.socket, 'close');
    await this.send('Page.close');
    await closed;
  }

  #next(key: number | string, what: string): Promise<Message> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        settled();
        reject(new Error(`${what}: ${why}`));
      };
      const gone = () => fail('the page is gone');
      const limit = setTimeout(fail, commandTimeoutMs, `no answer within ${commandTimeoutMs} ms`);
      const settled = () => {
        clearTimeout(limit);
        this.socket.off('close', gone);
        this.#waiting.delete(key);
      };
      if (this.socket.readyState !== WebSocket.OPEN) return gone();
      this.socket.once('close', gone);
      this.#waiting.set(key, (message) => {
        settled();
        resolve(message);
      });
    });
  }
}
