import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';

const PATIENCE_MS = 30_000;

/** An MQTT client that does nothing by itself: packets out, packets in. */
export class Wire {
  /** Resolves when the gate has closed the connection. */
  readonly closed: Promise<unknown>;
  private readonly came: Packet[] = [];
  private wake: (() => void) | undefined;
  private isClosed = false;

  private constructor(readonly socket: Socket) {
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on('packet', (packet) => {
      this.came.push(packet);
      this.wake?.();
    });
    socket.on('data', (chunk) => parser.parse(chunk));
    socket.on('error', () => {});
    this.closed = once(socket, 'close').then(() => {
      this.isClosed = true;
      this.wake?.();
    });
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const wire = new Wire(socket);
    await once(socket, 'connect');
    return wire;
  }

  /** Opened, and let in. @returns it and whether there was a session */
  static async enter(port: number, hello: object = {}): Promise<{ wire: Wire; sessionPresent: boolean }> {
    const wire = await Wire.open(port);
    wire.send({ cmd: 'connect', clientId: '', clean: true, keepalive: 0, ...hello });
    const connack = await wire.next();
    if (connack.cmd !== 'connack' || connack.returnCode !== 0) throw new Error(`not let in: ${JSON.stringify(connack)}`);
    return { wire, sessionPresent: connack.sessionPresent };
  }

  send(packet: object): void {
    this.socket.write(mqttPacket.generate(packet as Packet));
  }

  /** Bytes as they are. */
  write(hex: string): void {
    this.socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }

  /** @throws when the connection is closed, or nothing comes */
  async next(): Promise<Packet> {
    const patience = setTimeout(() => this.wake?.(), PATIENCE_MS);
    if (this.came.length === 0 && !this.isClosed) await new Promise<void>((resolve) => (this.wake = resolve));
    clearTimeout(patience);
    const packet = this.came.shift();
    if (packet === undefined) throw new Error(this.isClosed ? 'the gate has closed the connection' : `nothing came in ${PATIENCE_MS} ms`);
    return packet;
  }

  /** What came before the answer to a PINGREQ: the gate has handled what was sent before it, as far as it answers at once. */
  async flush(): Promise<Packet[]> {
    this.send({ cmd: 'pingreq' });
    const before: Packet[] = [];
    for (;;) {
      const packet = await this.next();
      if (packet.cmd === 'pingresp') return before;
      before.push(packet);
    }
  }

  /** Without a goodbye. */
  lose(): void {
    this.socket.destroy();
  }
}
