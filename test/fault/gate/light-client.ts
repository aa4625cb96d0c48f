import { connect, type Socket } from 'node:net';
import { generate } from 'mqtt-packet';
import { stamp } from '../protocol.js';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;

/** What a crowd counts. */
export interface CrowdCounts {
  /** Clients that are in. */
  in: number;
  /** Tries to connect. */
  tries: number;
  /** Connects after which the session went on. */
  resumed: number;
}

/** An MQTT client of a few bytes: many fit into a process. Comes back as the SDK does, later and later and not all at one moment. */
export class LightClient {
  /** When the last message of each topic came. */
  readonly heard = new Map<string, number>();
  isIn = false;
  private socket: Socket | undefined;
  private tries = 0;
  private rest: Buffer = Buffer.alloc(0);

  constructor(
    private readonly port: number,
    private readonly clientId: string,
    private readonly counts: CrowdCounts,
    private readonly onChange: () => void,
  ) {}

  dial(): void {
    this.counts.tries++;
    const socket = (this.socket = connect(this.port, '127.0.0.1'));
    socket.setNoDelay(true);
    this.rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.onData(chunk));
    socket.once('close', () => this.lost());
    socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: this.clientId, clean: false, keepalive: 300, username: this.clientId }));
  }

  publish(topic: string, payload: string): void {
    this.socket!.write(generate({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false }));
  }

  /** As when the network goes. */
  drop(): void {
    this.socket?.resetAndDestroy();
  }

  private lost(): void {
    if (this.isIn) {
      this.isIn = false;
      this.counts.in--;
    }
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.tries++);
    setTimeout(() => this.dial(), longest * (0.5 + Math.random() / 2));
    this.onChange();
  }

  private onData(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    for (;;) {
      let [length, at] = [0, 1];
      // The length of what follows: seven bits to a byte, the low ones first.
      do if (at >= this.rest.length) return;
      while ((length |= (this.rest[at]! & 127) << (7 * (at - 1))), this.rest[at++]! & 128);
      if (this.rest.length < at + length) return;
      this.onPacket(this.rest[0]!, this.rest.subarray(at, at + length));
      this.rest = this.rest.subarray(at + length);
    }
  }

  private onPacket(first: number, body: Buffer): void {
    if (first >> 4 === 2) {
      if (body[1] !== 0) return void this.socket!.destroy();
      this.isIn = true;
      this.tries = 0;
      this.counts.in++;
      if (body[0] === 1) this.counts.resumed++;
    } else if (first >> 4 === 3) {
      this.heard.set(body.toString('utf8', 2, 2 + body.readUInt16BE(0)), stamp());
    }
    this.onChange();
  }
}
