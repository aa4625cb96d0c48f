import { connect, type Socket } from 'node:net';
import { connectPacket, subscribePacket } from './mqtt-bytes.js';

/** What reads go into: each is dealt with before the next one. */
const SHARED = Buffer.allocUnsafe(64 * 1024);
/** Connections that are being made at any time; more would overflow the queue of a server that listens with Node's default of 511. */
const AT_ONCE = 100;

/** A connection to a server of MQTT that costs next to nothing: no parser, no promise and no copy for each message. */
export class BenchClient {
  /** What comes; valid until it returns. */
  onBytes: (bytes: Buffer) => void = () => {};
  private readonly socket: Socket;
  private failure: Error | undefined;
  private isClosing = false;

  private constructor(port: number, private readonly onFailure: (error: Error) => void) {
    const callback = (length: number): boolean => {
      this.onBytes(SHARED.subarray(0, length));
      return true;
    };
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: SHARED, callback } });
    this.socket.on('error', (error) => this.fail(error)).on('close', () => this.fail(new Error('the server closed the connection of a client')));
  }

  /** Connected and accepted. @param onFailure called when the connection ends otherwise than by {@link close} */
  static async open(port: number, clientId: string, onFailure: (error: Error) => void = () => {}): Promise<BenchClient> {
    const client = new BenchClient(port, onFailure);
    const connack = await client.ask(connectPacket(clientId), 4);
    if (connack[3] !== 0) throw new Error(`the server refused a client: CONNACK ${connack[3]}`);
    return client;
  }

  async subscribe(topic: string, qos: 0 | 1): Promise<void> {
    const suback = await this.ask(subscribePacket(topic, qos), 5);
    if (suback[0] !== 0x90 || suback[4] !== qos) throw new Error(`the server did not grant a subscription: ${suback.toString('hex')}`);
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  close(): void {
    this.isClosing = true;
    this.socket.destroy();
  }

  /** For handshakes: so many bytes come back. */
  private ask(bytes: Uint8Array, length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const answer: Buffer[] = [];
      this.onBytes = (part) => {
        answer.push(Buffer.from(part));
        const all = Buffer.concat(answer);
        if (all.length >= length) resolve(all);
      };
      this.reject = reject;
      if (this.failure) reject(this.failure);
      this.write(bytes);
    });
  }

  private reject: (error: Error) => void = () => {};

  private fail(error: Error): void {
    if (this.isClosing || this.failure) return;
    this.failure = error;
    this.reject(error);
    this.onFailure(error);
  }
}

/** Makes so many, a hundred at a time. */
export async function openMany<T>(count: number, open: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let from = 0; from < count; from += AT_ONCE) {
    made.push(...(await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => open(from + i)))));
  }
  return made;
}
