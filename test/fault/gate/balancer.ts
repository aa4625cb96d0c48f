import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What stands before gates in production: takes a connection to the first of its ports that takes it. */
export class Balancer {
  private readonly pairs = new Set<Socket>();
  private isClosed = false;

  private constructor(
    private readonly server: Server,
    private readonly targets: readonly number[],
  ) {}

  /** @param targets ports on loopback, the preferred one first */
  static async open(...targets: number[]): Promise<Balancer> {
    const server = createServer((socket) => balancer.take(socket));
    const balancer = new Balancer(server, targets);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return balancer;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Breaks all connections, and takes no more. */
  cut(): void {
    this.isClosed = true;
    for (const socket of this.pairs) socket.resetAndDestroy();
  }

  mend(): void {
    this.isClosed = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private take(client: Socket): void {
    this.pairs.add(client);
    client.once('close', () => this.pairs.delete(client));
    client.on('error', () => {});
    if (this.isClosed) return void client.destroy();
    this.dial(client, 0);
  }

  private dial(client: Socket, index: number): void {
    const port = this.targets[index];
    if (port === undefined) return void client.destroy();
    const gate = connect(port, '127.0.0.1');
    let isThere = false;
    gate.once('connect', () => {
      isThere = true;
      client.pipe(gate).pipe(client);
    });
    gate.on('error', () => {});
    gate.once('close', () => (isThere ? client.destroy() : this.dial(client, index + 1)));
    client.once('close', () => gate.destroy());
  }
}
