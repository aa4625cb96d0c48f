import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ByteConnection, CloseReason, RemotePeer } from '../connection.js';
import type { WriteTurn } from './write-turn.js';

/** A peer that does not take what is left is cut off after this. */
const LINGER_MS = 5000;
const IGNORE = (): void => {};
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** TCP, with or without TLS. */
export class SocketConnection implements ByteConnection {
  readonly network = 'tcp';
  readonly remote: RemotePeer;

  constructor(
    private readonly socket: Socket | TLSSocket,
    private readonly turn: WriteTurn,
  ) {
    socket.setNoDelay(true);
    // What goes wrong shows as the end of the connection, which follows.
    socket.on('error', IGNORE);
    this.remote = { address: socket.remoteAddress ?? '', port: socket.remotePort, secure: 'encrypted' in socket, headers: NO_HEADERS, ...certificateOf(socket) };
  }

  get queuedBytes(): number {
    return this.socket.writableLength;
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  listen(onData: (chunk: Uint8Array) => void, onEnd: (reason: 'client' | 'lost') => void): void {
    this.socket.on('data', onData);
    // Comes once; whether the client said goodbye is the protocol's to know.
    this.socket.on('close', () => onEnd('lost'));
  }

  write(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    this.turn.hold(this.socket);
    this.socket.write(bytes);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(_reason: CloseReason): void {
    if (this.socket.destroyed) return;
    this.socket.end();
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once('close', () => clearTimeout(timer));
    // A paused socket never sees the other side's end.
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Of a client that showed a certificate which the gate's authority has signed. */
export function certificateOf(socket: Socket | TLSSocket): Pick<RemotePeer, 'certificate'> {
  if (!('getPeerCertificate' in socket) || !socket.authorized) return {};
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  if (subject?.CN === undefined) return {};
  return { certificate: { commonName: String(subject.CN), fingerprint256 } };
}
