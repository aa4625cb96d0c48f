import type { Type } from '@nestjs/common';
import type { IPublishPacket } from 'mqtt-packet';
import { type GateOptions, GateModule, GatePart } from '../../lib/gateway/gate/index.js';
import { type RpcApplication, RpcModule } from '../../lib/index.js';
import { createTestingApp, type TestingAppOptions } from '../../lib/testing/index.js';
import { Wire } from './mqtt-wire.js';

/** A gate and services in one app, and clients of it; `close` ends them all. */
export class GateWorld {
  private readonly apps: RpcApplication[] = [];
  private readonly wires: Wire[] = [];

  async start(options: GateOptions, modules: readonly Type[] = [], app: Partial<TestingAppOptions> = {}) {
    const local = { host: '127.0.0.1', port: 0 };
    @RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ tcp: local, ...options })] })
    class Gate {}
    const started = await createTestingApp({ ...app, modules: [Gate, ...modules] });
    this.apps.push(started);
    const ports = started.get(GatePart).ports as { tcp: number; websocket: number };
    return { app: started, ports, port: ports.tcp };
  }

  async open(port: number): Promise<Wire> {
    const wire = await Wire.open(port);
    this.wires.push(wire);
    return wire;
  }

  async enter(port: number, hello: object = {}): Promise<Wire> {
    const { wire } = await Wire.enter(port, hello);
    this.wires.push(wire);
    return wire;
  }

  async close(): Promise<void> {
    for (const wire of this.wires.splice(0)) wire.lose();
    await Promise.all(this.apps.splice(0).map((app) => app.stop()));
  }
}

/** Sends a request and resolves with what comes back on its topic. */
export async function ask(wire: Wire, topic: string, body: unknown = {}): Promise<{ Error: string; Result: unknown }> {
  wire.send({ cmd: 'publish', topic, payload: JSON.stringify(body), qos: 0 });
  for (;;) {
    const packet = (await wire.next()) as IPublishPacket;
    if (packet.topic === topic) return JSON.parse(packet.payload.toString()) as { Error: string; Result: unknown };
  }
}

/** CONNACK's code. */
export async function knock(world: GateWorld, port: number, hello: object): Promise<number> {
  const wire = await world.open(port);
  wire.send({ cmd: 'connect', clientId: '', clean: true, keepalive: 0, ...hello });
  const connack = await wire.next();
  return connack.cmd === 'connack' ? connack.returnCode! : -1;
}
