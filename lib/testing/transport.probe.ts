import type { Subscription, Transport } from '../rpc/transport.js';

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Values that come when they come, and somebody who waits for them: tests wait for events, never for time. */
class Mailbox<T> {
  readonly values: T[] = [];
  private waiting: (() => void) | undefined;

  put(value: T): void {
    this.values.push(value);
    this.waiting?.();
  }

  /** Resolves as soon as there are `count`. */
  async has(count: number): Promise<void> {
    while (this.values.length < count) await new Promise<void>((resolve) => (this.waiting = resolve));
  }

  async shift(): Promise<T> {
    await this.has(1);
    return this.values.shift()!;
  }
}

/** A transport with its events recorded. */
export class Observed {
  private readonly tokenBox = new Mailbox<number>();
  private readonly linkBox = new Mailbox<boolean>();
  readonly logged: string[] = [];

  constructor(readonly transport: Transport) {
    const log = (message: string): void => void this.logged.push(message);
    transport.on({
      onUndeliverable: (token) => this.tokenBox.put(token),
      onLink: (up) => this.linkBox.put(up),
      logger: { debug: log, info: log, warn: log, error: log },
    });
  }

  /** Tokens reported and not yet taken. */
  get tokens(): readonly number[] {
    return this.tokenBox.values;
  }

  /** Changes of the link not yet taken. */
  get links(): readonly boolean[] {
    return this.linkBox.values;
  }

  undeliverable(): Promise<number> {
    return this.tokenBox.shift();
  }

  link(): Promise<boolean> {
    return this.linkBox.shift();
  }

  async isUp(): Promise<void> {
    while (!this.transport.isUp) await this.link();
  }
}

/** What arrives at an address, copied. */
export class Inbox {
  subscription!: Subscription;
  readonly addresses: string[] = [];
  private readonly box = new Mailbox<number[]>();

  private constructor(readonly address: string) {}

  /** @param spoil done to the bytes after they were copied */
  static async open(transport: Transport, kind: 'node' | 'process', name: string, spoil?: (bytes: Uint8Array) => void): Promise<Inbox> {
    const inbox = new Inbox(transport.address(kind, name));
    inbox.subscription = await transport.subscribe(inbox.address, ({ bytes, address }) => {
      inbox.addresses.push(address);
      inbox.box.put([...bytes]);
      spoil?.(bytes);
    });
    return inbox;
  }

  get received(): readonly number[][] {
    return this.box.values;
  }

  /** The first `count` messages, as soon as they are there. */
  async take(count: number): Promise<number[][]> {
    await this.box.has(count);
    return this.box.values.slice(0, count);
  }
}
