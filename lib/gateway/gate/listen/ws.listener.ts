import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import { loadPeer } from '../../../common/peer.js';
import type { ByteConnection } from '../connection.js';
import type { GateOptions, WebSocketOptions } from '../gate.options.js';
import { clientAddress } from './client-address.js';
import { listenOn, type GateListener } from './listener.js';
import { certificateOf } from './socket-connection.js';
import { secured } from './tcp.listener.js';
import { JSON_SUBPROTOCOL, WsConnection } from './ws-connection.js';
import { WriteTurn } from './write-turn.js';

const UPGRADE_TIMEOUT_MS = 5000;
const MAX_HEADER_BYTES = 16 * 1024;
/** Subprotocols that the gate speaks, and mqant's habit to echo whatever MQTT is called. */
const MQTT_NAMES = /^mqtt/i;

/** WebSockets, with TLS where the gate has a certificate. Needs the package `ws`. */
export class WsListener implements GateListener {
  readonly name = 'websocket';
  port = 0;
  private server: Server | undefined;
  private sockets: WebSocketServer | undefined;
  private readonly turn = new WriteTurn();

  constructor(
    private readonly where: WebSocketOptions,
    private readonly options: Pick<GateOptions, 'tls' | 'trustedProxies'> & { readonly maxPayload: number; /** Sockets, also those that have not upgraded. */ readonly maxConnections: number },
  ) {}

  async start(accept: (connection: ByteConnection) => void): Promise<void> {
    const { WebSocketServer: Sockets } = await loadPeer('ws', 'a gate with websocket', () => import('ws'));
    const { tls, maxPayload } = this.options;
    const http = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: UPGRADE_TIMEOUT_MS, requestTimeout: UPGRADE_TIMEOUT_MS, connectionsCheckingInterval: 1000, keepAliveTimeout: 1000 };
    this.server = tls ? secured(() => createHttpsServer({ ...tls, ...http })) : createServer(http);
    this.server.maxConnections = this.options.maxConnections;
    this.server.on('request', (_request, response) => response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' }).end('this port speaks WebSocket\n'));
    const sockets = (this.sockets = new Sockets({ noServer: true, perMessageDeflate: false, maxPayload, clientTracking: false, handleProtocols: chooseProtocol }));
    this.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const refusal = this.refusal(request);
      if (refusal !== undefined) return refuse(socket, refusal);
      sockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => accept(this.connectionOf(webSocket, request)));
    });
    this.port = await listenOn(this.server, this.name, this.where);
  }

  stop(): Promise<void> {
    this.server?.close(() => {});
    this.server?.closeIdleConnections();
    this.sockets?.close();
    return Promise.resolve();
  }

  private refusal({ url = '/', headers }: IncomingMessage): string | undefined {
    const { path, origins } = this.where;
    if (path !== undefined && url.split('?', 1)[0] !== path) return '404 Not Found';
    // Programs send no Origin; pages always do.
    if (origins !== undefined && headers.origin !== undefined && !origins.includes(headers.origin)) return '403 Forbidden';
    return undefined;
  }

  private connectionOf(webSocket: WebSocket, request: IncomingMessage): WsConnection {
    const socket = request.socket as Socket;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]));
    const address = clientAddress(socket.remoteAddress ?? '', headers['x-forwarded-for'], this.options.trustedProxies ?? []);
    const port = address === socket.remoteAddress ? socket.remotePort : undefined;
    return new WsConnection(webSocket, socket, { address, port, secure: 'encrypted' in socket, headers, ...certificateOf(socket) }, this.turn);
  }
}

function chooseProtocol(offered: Set<string>): string | false {
  for (const name of offered) if (name === JSON_SUBPROTOCOL || MQTT_NAMES.test(name)) return name;
  return false;
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
