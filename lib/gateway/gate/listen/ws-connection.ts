import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ByteConnection, CloseReason, RemotePeer } from '../connection.js';
import type { WriteTurn } from './write-turn.js';

/** Each message of such a WebSocket is one JSON text, both ways. */
export const JSON_SUBPROTOCOL = 'anthill.json';

const LINGER_MS = 5000;
const MAX_PONG_BYTES = 4 * 1024 * 1024;
/** RFC 6455, 7.4.1; 4000 and up are ours. */
const CLOSE_CODE: Readonly<Record<CloseReason, number>> = {
  client: 1000,
  lost: 1011,
  protocol: 1002,
  timeout: 1008,
  refused: 1008,
  limit: 1009,
  slow: 4008,
  displaced: 4009,
  kicked: 4003,
  drain: 1001,
};

/** A WebSocket as a stream of bytes; with the JSON subprotocol each chunk is a message. */
export class WsConnection implements ByteConnection {
  readonly network = 'websocket';
  readonly subprotocol: string;
  private readonly isText: boolean;

  constructor(
    private readonly socket: WebSocket,
    /** What carries it. */
    private readonly carrier: Writable,
    readonly remote: RemotePeer,
    private readonly turn: WriteTurn,
  ) {
    this.subprotocol = socket.protocol;
    this.isText = socket.protocol === JSON_SUBPROTOCOL;
    socket.on('error', () => {});
    // Each is answered by itself: who pings without end and reads nothing would fill the memory.
    socket.on('ping', () => {
      if (socket.bufferedAmount > MAX_PONG_BYTES) socket.terminate();
    });
  }

  get queuedBytes(): number {
    return this.socket.bufferedAmount;
  }

  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  listen(onData: (chunk: Uint8Array) => void, onEnd: (reason: 'client' | 'lost') => void): void {
    this.socket.binaryType = 'nodebuffer';
    this.socket.on('message', (data) => onData(data as Buffer));
    this.socket.once('close', () => onEnd('lost'));
  }

  write(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    this.turn.hold(this.carrier);
    this.socket.send(bytes, { binary: !this.isText });
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(reason: CloseReason): void {
    this.socket.resume();
    this.socket.close(CLOSE_CODE[reason], reason);
    const timer = setTimeout(() => this.socket.terminate(), LINGER_MS);
    this.socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.socket.terminate();
  }
}
