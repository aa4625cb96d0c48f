import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { BootError } from '../../../common/boot-error.js';
import { messageOf } from '../../../common/message-of.js';
import type { ByteConnection } from '../connection.js';
import type { GateOptions, ListenOptions } from '../gate.options.js';
import { listenOn, type GateListener } from './listener.js';
import { SocketConnection } from './socket-connection.js';
import { WriteTurn } from './write-turn.js';

const TLS_HANDSHAKE_MS = 5000;

/** Plain TCP, or TLS where the gate has a certificate. */
export class TcpListener implements GateListener {
  readonly name = 'tcp';
  port = 0;
  private server: Server | undefined;

  constructor(
    private readonly where: ListenOptions,
    private readonly tls: GateOptions['tls'],
    /** Sockets, those in the middle of a TLS handshake among them. */
    private readonly maxConnections: number,
  ) {}

  async start(accept: (connection: ByteConnection) => void): Promise<void> {
    const turn = new WriteTurn();
    const onSocket = (socket: Socket): void => accept(new SocketConnection(socket, turn));
    this.server = this.tls ? secured(() => createTlsServer({ ...this.tls, handshakeTimeout: TLS_HANDSHAKE_MS }, onSocket)) : createServer(onSocket);
    this.server.maxConnections = this.maxConnections;
    this.server.on('tlsClientError', () => {});
    this.port = await listenOn(this.server, this.name, this.where);
  }

  stop(): Promise<void> {
    // Its callback waits for open connections, which the gate closes in its own time.
    this.server?.close(() => {});
    return Promise.resolve();
  }
}

/** @throws BootError GATE_TLS: a gate that cannot be what it should does not start, least of all in plain text */
export function secured<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new BootError('GATE_TLS', `the gate's certificate or key cannot be used (${messageOf(cause)}); check that both are PEM and belong together`, { cause });
  }
}
