import { createRequire } from 'node:module';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { projectRoot } from '../../services/index.js';
import type { Callee } from '../peer.js';

interface AedesPacket {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
}

interface AedesClient {
  publish(packet: { topic: string; payload: Buffer; qos: 0; retain: false; dup: false; cmd: 'publish' }, done: () => void): void;
}

interface Aedes {
  handle(stream: Duplex): void;
  on(event: 'publish', listener: (packet: AedesPacket, client: AedesClient | null) => void): void;
  close(done: () => void): void;
}

/** What a hand-written service says to a body. */
export type Answer = (body: Buffer) => Promise<Buffer>;

/** aedes as its guide has it, over TCP and WebSocket. @param answer to requests for the service echo, sent back on their topic */
export async function aedesCallee(answer?: Answer): Promise<Callee> {
  const { Aedes: broker } = await loadAedes();
  const aedes = await broker.createBroker();
  if (answer) {
    aedes.on('publish', (packet, client) => {
      if (client === null || !packet.topic.startsWith('echo/')) return;
      void answer(packet.payload).then((payload) => client.publish({ cmd: 'publish', topic: packet.topic, payload, qos: 0, retain: false, dup: false }, () => {}));
    });
  }
  const tcp = createTcpServer((socket) => aedes.handle(socket));
  const http = createHttpServer();
  new WebSocketServer({ server: http }).on('connection', (socket) => aedes.handle(createWebSocketStream(socket)));
  const ports = { tcp: await listen(tcp), websocket: await listen(http) };
  return {
    handOver: ports,
    close: () =>
      new Promise((resolve) => {
        tcp.close();
        http.close();
        aedes.close(resolve);
      }),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

/** From test/bench/node_modules: nothing that only the benchmark needs is installed with the project. */
async function loadAedes(): Promise<{ Aedes: { createBroker(): Promise<Aedes> } }> {
  const require = createRequire(join(projectRoot(), 'test', 'bench', 'package.json'));
  return (await import(pathToFileURL(require.resolve('aedes')).href)) as { Aedes: { createBroker(): Promise<Aedes> } };
}
