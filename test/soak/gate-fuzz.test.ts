/**
 * Random and mutated packets against a gate: first its reader alone, beside another implementation; then whole connections over TCP, WebSocket and JSON, while a client
 * that behaves well is served. Repeat one with ANTHILL_SEED.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { WebSocket } from 'ws';
import type { ClientPacket } from '../../lib/gateway/gate/mqtt/client-packet.js';
import { PacketReader } from '../../lib/gateway/gate/mqtt/packet-reader.js';
import { GatePart } from '../../lib/gateway/gate/index.js';
import { Handler, RpcModule, Session } from '../../lib/index.js';
import { garbage, seeded } from '../fault/garbage.js';
import { ask, GateWorld } from '../integration/gate.support.js';
import type { Wire } from '../integration/mqtt-wire.js';

const isSoak = process.env['ANTHILL_SOAK'] === '1';
const SEED = Number(process.env['ANTHILL_SEED'] ?? 1);
const STREAMS = isSoak ? 2_000_000 : 60_000;
const CONNECTIONS = isSoak ? 100_000 : 3_000;
const AT_ONCE = 150;

type Below = (limit: number) => number;

const written = (packet: object): Buffer => mqttPacket.generate(packet as Packet);
const CONNECTS = [
  { cmd: 'connect', clientId: 'fuzz', keepalive: 5 },
  { cmd: 'connect', clientId: '', clean: true, username: 'u', password: 'p', will: { topic: 'w/1', payload: 'bye', qos: 1, retain: true } },
  { cmd: 'connect', clientId: 'kept', clean: false, keepalive: 0 },
  { cmd: 'connect', protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'old' },
].map(written);
const PACKETS = [
  ...[0, 1, 2].map((qos) => written({ cmd: 'publish', topic: 'svc/HD_echo/1', payload: '{"a":[1,{"b":null}]}', qos, messageId: 3 })),
  written({ cmd: 'publish', topic: 'a/b/\u{1F41C}', payload: Buffer.alloc(300, 7), qos: 1, messageId: 77, retain: true }),
  written({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/+/#', qos: 2 }, { topic: '#', qos: 1 }] }),
  written({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/+/#', 'x'] }),
  ...['puback', 'pubrec', 'pubrel', 'pubcomp'].map((cmd) => written({ cmd, messageId: 3 })),
  written({ cmd: 'pingreq' }),
  written({ cmd: 'disconnect' }),
];
const JSONS = ['{"connect":{"clientId":"j","clean":false}}', '{"topic":"svc/HD_echo/1","body":{"__proto__":{"x":1}},"qos":1,"id":5}', '{"subscribe":["a/#"],"id":1}', '{"unsubscribe":["a/#"],"id":2}', '{"ack":1}', '{"ping":1}'].map((text) => Buffer.from(text));

/** A beginning that may be right, then packets of which some are. */
function stream(below: Below, first: readonly Buffer[], more: readonly Buffer[]): Buffer[] {
  const parts = [below(5) > 0 ? first[below(first.length)]! : Buffer.from(garbage(below, first))];
  for (let i = below(6); i >= 0; i--) parts.push(below(2) > 0 ? more[below(more.length)]! : Buffer.from(garbage(below, more)));
  return parts;
}

/** The same bytes, in other pieces. */
function pieces(below: Below, bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = below(3) === 0 ? 1 + below(3) : 1 + below(bytes.length);
    found.push(bytes.subarray(at, at + length));
    at += length;
  }
  return found;
}

describe('fuzz of a gate', () => {
  it(`${STREAMS} streams of packets: the reader throws nothing, keeps nothing, and reads what another implementation reads`, () => {
    let [packets, refused] = [0, 0];
    for (let i = 0; i < STREAMS; i++) {
      const seed = SEED * 10_000_019 + i;
      const below = seeded(seed);
      const bytes = Buffer.concat(stream(below, CONNECTS, PACKETS));
      try {
        const whole = readAll([bytes]);
        assert.deepEqual(readAll(pieces(below, bytes)), whole);
        const theirs = readTheirs(bytes);
        for (const [at, packet] of whole.packets.entries()) {
          // A version that is not spoken is an error there.
          if (packet.kind === 'connect' && packet.level === undefined) break;
          assert.deepEqual(comparable(packet), theirs[at]);
        }
        packets += whole.packets.length;
        refused += whole.faults.length;
      } catch (error) {
        throw new Error(`seed ${seed} (${bytes.toString('hex')})`, { cause: error });
      }
    }
    console.log(`fuzz of the reader: ${STREAMS} streams (seed ${SEED}), ${packets} packets, ${refused} refused`);
    assert.ok(packets > STREAMS && refused > STREAMS / 5);
  });

  describe('over connections', () => {
    const world = new GateWorld();
    let good: Wire;
    let ports: { tcp: number; websocket: number };
    let core: { readonly size: number; readonly table: { readonly size: number } };
    let crashed: unknown;
    const onCrash = (error: unknown): void => void (crashed ??= error);

    @RpcModule({ type: 'svc' })
    class Service {
      @Handler('HD_echo', { concurrent: true })
      echo(@Session() _session: Session, body: unknown) {
        return body;
      }
    }

    before(async () => {
      process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
      const limits = { connectTimeoutMs: 500, connectsPerSecond: 1e6, connectionsPerAddress: 1e6, keptGuestsPerAddress: 1e6, messagesPerSecond: 1e6, retainedMessages: 100 };
      const started = await world.start({ websocket: { host: '127.0.0.1', port: 0 }, limits }, [Service]);
      ports = started.ports;
      core = (started.app.get(GatePart) as unknown as { core: typeof core }).core;
      good = await world.enter(ports.tcp, { clientId: 'good' });
    });
    after(async () => {
      await world.close();
      process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
    });

    it(`${CONNECTIONS} connections: a good client is served all along, and none is left over`, async () => {
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < CONNECTIONS && crashed === undefined) await one(seeded(SEED * 10_000_019 + next++));
      };
      const workers = Promise.all(Array.from({ length: AT_ONCE }, worker));
      let served = 0;
      for (let isOver = false; !isOver; served++) {
        assert.deepEqual((await ask(good, 'svc/HD_echo/1', { served })).Result, { served }, `about connection ${next} of seed ${SEED}`);
        isOver = await Promise.race([workers.then(() => true), new Promise<boolean>((resolve) => setTimeout(resolve, 5, false))]);
      }
      assert.equal(crashed, undefined, `about connection ${next} of seed ${SEED}: ${String((crashed as Error | undefined)?.stack)}`);
      const until = Date.now() + 30_000;
      while (core.size > 1 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.deepEqual([core.size, core.table.size], [1, 1]);
      console.log(`fuzz of connections: ${CONNECTIONS} (seed ${SEED}), a good client was answered ${served} times`);
      assert.equal(({} as { x?: number }).x, undefined);
    });

    async function one(below: Below): Promise<void> {
      const kind = below(4);
      if (kind < 2) return overTcp(below, pieces(below, Buffer.concat(stream(below, CONNECTS, PACKETS))));
      if (kind === 2) return overWebSocket(below, pieces(below, Buffer.concat(stream(below, CONNECTS, PACKETS))), 'mqtt');
      return overWebSocket(below, stream(below, JSONS, JSONS), 'anthill.json');
    }

    async function overTcp(below: Below, chunks: readonly Buffer[]): Promise<void> {
      const socket = connect({ port: ports.tcp, host: '127.0.0.1', noDelay: true });
      socket.on('error', () => {}).resume();
      const closed = once(socket, 'close');
      for (const chunk of chunks) {
        socket.write(chunk);
        if (below(4) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      if (below(3) === 0) socket.destroy();
      else if (below(2) === 0) socket.end();
      else setTimeout(() => socket.destroy(), 20);
      await closed;
    }

    async function overWebSocket(below: Below, chunks: readonly Buffer[], protocol: string): Promise<void> {
      const socket = new WebSocket(`ws://127.0.0.1:${ports.websocket}`, protocol, { perMessageDeflate: false });
      socket.on('error', () => {});
      const closed = once(socket, 'close');
      await Promise.race([once(socket, 'open'), closed]);
      for (const chunk of chunks) {
        if (socket.readyState !== WebSocket.OPEN) break;
        if (below(8) === 0) socket.ping(chunk.subarray(0, 100));
        // Also in the other kind of frame, and as one message of two frames.
        const binary = below(4) > 0 ? protocol === 'mqtt' : protocol !== 'mqtt';
        const cut = below(3) === 0 ? below(chunk.length + 1) : chunk.length;
        if (cut < chunk.length) socket.send(chunk.subarray(0, cut), { binary, fin: false });
        socket.send(cut < chunk.length ? chunk.subarray(cut) : chunk, { binary, fin: true });
        // Bytes of no frame at all.
        if (below(40) === 0) (socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket.write(garbage(below, PACKETS));
      }
      if (below(2) === 0) socket.terminate();
      else setTimeout(() => socket.terminate(), 20);
      await closed;
    }
  });
});

function readAll(chunks: readonly Buffer[]) {
  const packets: ClientPacket[] = [];
  const faults: string[] = [];
  const reader = new PacketReader(65_535, { onPacket: (packet) => packets.push(packet), onFault: (reason) => faults.push(reason) });
  for (const chunk of chunks) reader.read(chunk);
  return { packets, faults };
}

/** What mqtt-packet makes of it, up to where it gives up. */
function readTheirs(bytes: Buffer): unknown[] {
  const packets: unknown[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  let isOver = false;
  parser.on('packet', (packet) => isOver || packets.push(theirs(packet)));
  parser.on('error', () => (isOver = true));
  try {
    parser.parse(bytes);
  } catch {
    // It gives up.
  }
  return packets;
}

function theirs(packet: Packet): unknown {
  const { cmd } = packet;
  if (cmd === 'publish') return [cmd, packet.topic, packet.payload.toString('latin1' as never), packet.qos, packet.retain, packet.messageId ?? 0];
  if (cmd === 'connect') return [cmd, packet.clientId, packet.clean, packet.keepalive, packet.username, packet.will?.topic];
  if (cmd === 'subscribe') return [cmd, packet.messageId, packet.subscriptions.map(({ topic, qos }) => [topic, qos])];
  if (cmd === 'unsubscribe') return [cmd, packet.messageId, packet.unsubscriptions];
  return cmd === 'pingreq' || cmd === 'disconnect' ? [cmd] : [cmd, packet.messageId];
}

function comparable(packet: ClientPacket): unknown {
  const { kind } = packet;
  if (kind === 'publish') return [kind, packet.topic, Buffer.from(packet.body).toString('latin1'), packet.qos, packet.retain, packet.id];
  if (kind === 'connect') return [kind, packet.clientId, packet.clean, packet.keepalive, packet.username, packet.will?.topic];
  if (kind === 'subscribe') return [kind, packet.id, packet.subscriptions.map(({ filter, qos }) => [filter, qos])];
  if (kind === 'unsubscribe') return [kind, packet.id, packet.filters];
  return 'id' in packet ? [kind, packet.id] : [kind];
}
