import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import mqttPacket, { type Packet } from 'mqtt-packet';
import type { ClientPacket } from '../../../lib/gateway/gate/mqtt/client-packet.js';
import { PacketReader } from '../../../lib/gateway/gate/mqtt/packet-reader.js';
import { confirmation, connack, PINGRESP, publish, suback } from '../../../lib/gateway/gate/mqtt/server-packet.js';

/** What a reader makes of chunks. */
function read(chunks: readonly Buffer[], maxBytes = 65_535) {
  const packets: ClientPacket[] = [];
  const faults: string[] = [];
  const reader = new PacketReader(maxBytes, { onPacket: (packet) => packets.push(packet), onFault: (reason) => faults.push(reason) });
  for (const chunk of chunks) reader.read(chunk);
  return { packets, faults };
}

const bytewise = (bytes: Buffer) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
/** As another implementation writes it. */
const written = (packet: object) => mqttPacket.generate(packet as Packet);

describe('MQTT packets of clients', () => {
  const will = { topic: 'bye', payload: Buffer.from([0, 255]), qos: 2, retain: true };
  const all: readonly (readonly [object, ClientPacket])[] = [
    [
      { cmd: 'connect', clientId: 'c1', keepalive: 20, clean: false, username: 'mia', password: Buffer.from([1, 0]), will },
      { kind: 'connect', level: 4, clientId: 'c1', keepalive: 20, clean: false, username: 'mia', password: Buffer.from([1, 0]), will: { topic: 'bye', body: will.payload, qos: 2, retain: true } },
    ],
    [
      { cmd: 'connect', protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'ä', clean: true, keepalive: 0 },
      { kind: 'connect', level: 3, clientId: 'ä', keepalive: 0, clean: true, username: undefined, password: undefined, will: undefined },
    ],
    [{ cmd: 'publish', topic: 'a/\u{1F41C}', payload: 'x', qos: 0, retain: true, dup: false }, { kind: 'publish', topic: 'a/\u{1F41C}', body: Buffer.from('x'), qos: 0, retain: true, id: 0 }],
    [{ cmd: 'publish', topic: 'a', payload: '', qos: 1, dup: true, messageId: 65_535 }, { kind: 'publish', topic: 'a', body: Buffer.alloc(0), qos: 1, retain: false, id: 65_535 }],
    [{ cmd: 'publish', topic: 'a', payload: Buffer.alloc(20_000, 7), qos: 2, messageId: 1 }, { kind: 'publish', topic: 'a', body: Buffer.alloc(20_000, 7), qos: 2, retain: false, id: 1 }],
    ...(['puback', 'pubrec', 'pubrel', 'pubcomp'] as const).map((kind) => [{ cmd: kind, messageId: 258 }, { kind, id: 258 }] as const),
    [{ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'a/+', qos: 2 }, { topic: '#', qos: 0 }] }, { kind: 'subscribe', id: 7, subscriptions: [{ filter: 'a/+', qos: 2 }, { filter: '#', qos: 0 }] }],
    [{ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['a/+', '#'] }, { kind: 'unsubscribe', id: 7, filters: ['a/+', '#'] }],
    [{ cmd: 'pingreq' }, { kind: 'pingreq' }],
    [{ cmd: 'disconnect' }, { kind: 'disconnect' }],
  ];

  it('are read as others write them: one by one, in one piece, and byte by byte', () => {
    const wanted = all.map(([, packet]) => packet);
    const bytes = all.map(([packet]) => written(packet));
    for (const chunks of [bytes, [Buffer.concat(bytes)], bytewise(Buffer.concat(bytes))]) assert.deepEqual(read(chunks), { packets: wanted, faults: [] });
  });

  it('have a version that is not spoken read no further', () => {
    for (const hex of ['100d00044d51545405020014 00 0001 63', '100c00044d515454030200140000', '100e00064d5149736470040200140000', '100c00044d515454840200140000', '100700044d51545406']) {
      const { packets, faults } = read([Buffer.from(hex.replaceAll(' ', ''), 'hex')]);
      assert.deepEqual([packets.length, (packets[0] as { level: unknown }).level, faults], [1, undefined, []], hex);
    }
  });

  it('are refused where the standard says so', () => {
    const connect = (flags: string, rest = '0014' + '000163') => `10 LL 00044d515454 04 ${flags} ${rest}`;
    for (const [what, hex] of Object.entries({
      'type 0': '00 00',
      'type 15': 'f0 00',
      'a packet of servers: CONNACK': '20 02 0000',
      'a packet of servers: SUBACK': '90 03 000100',
      'a packet of servers: PINGRESP': 'd0 00',
      'CONNECT with flags (2.2.2)': '11 0d 00044d5154540402001400016 3',
      'PUBREL without its flag': '60 02 0001',
      'SUBSCRIBE without its flag': '80 06 0001 000161 00',
      'UNSUBSCRIBE without its flag': 'a0 05 0001 000161',
      'another protocol': '10 0a 0004 48545450 04 02 0014',
      'reserved connect flag (3.1.2-3)': connect('03'),
      'will quality without a will (3.1.2-13)': connect('0a'),
      'will retain without a will (3.1.2-15)': connect('22'),
      'will quality 3 (3.1.2-14)': connect('1e', '0014 000163 000161 0000'),
      'password without a name (3.1.2-22)': connect('42', '0014 000163 0000'),
      'CONNECT without what its flags promise': connect('82'),
      'CONNECT with more behind it': connect('02', '0014 000163 00'),
      'a client id that is not UTF-8 (1.5.3-1)': connect('02', '0014 0002c328'),
      'a surrogate in UTF-8 (1.5.3-1)': connect('02', '0014 0003eda080'),
      'U+0000 in a text (1.5.3-2)': connect('02', '0014 000200 61'),
      'a text in too many bytes': '30 04 0002 c0af',
      'PUBLISH of quality 3 (3.3.1-4)': '36 06 000161 0001 78',
      'a repeat of quality 0 (3.3.1-2)': '38 03 000161',
      'PUBLISH shorter than its topic': '30 03 000561',
      'PUBLISH without its id': '32 04 000161 00',
      'PUBLISH with id 0 (2.3.1-1)': '32 05 000161 0000',
      'PUBACK with id 0': '40 02 0000',
      'PUBACK without id': '40 00',
      'PUBACK with half an id': '40 01 00',
      'PUBACK with more': '40 03 000100',
      'SUBSCRIBE of nothing (3.8.3-3)': '82 02 0001',
      'SUBSCRIBE with id 0': '82 06 0000 000161 00',
      'SUBSCRIBE without a quality': '82 05 0001 000161',
      'SUBSCRIBE of quality 3 (3.8.3-4)': '82 06 0001 000161 03',
      'SUBSCRIBE with reserved bits (3.8.3-4)': '82 06 0001 000161 04',
      'UNSUBSCRIBE of nothing (3.10.3-2)': 'a2 02 0001',
      'UNSUBSCRIBE that ends in a length': 'a2 03 0001 00',
      'PINGREQ with a body': 'c0 01 00',
      'DISCONNECT with a body': 'e0 01 00',
      'a length of five bytes (2.2.3)': '30 ffffffff01 0000',
    })) {
      const body = hex.replaceAll(' ', '');
      const bytes = Buffer.from(body.replace('LL', ((body.length - 4) / 2).toString(16).padStart(2, '0')), 'hex');
      // What comes behind belongs to nobody: it must neither save the packet nor be read.
      for (const chunks of [[bytes, Buffer.from('c000', 'hex')], [Buffer.concat([bytes, Buffer.from('c000', 'hex')])], bytewise(bytes)]) {
        assert.deepEqual(read(chunks), { packets: [], faults: ['protocol'] }, what);
      }
    }
  });

  it('are refused by their header when they will be too long, and kept no longer than that', () => {
    assert.deepEqual(read([Buffer.from('30e807', 'hex')], 999), { packets: [], faults: ['limit'] });
    assert.deepEqual(read([Buffer.from('30e707', 'hex')], 999), { packets: [], faults: [] });
    assert.deepEqual(read([Buffer.from('30ffffff7f', 'hex')]), { packets: [], faults: ['limit'] });
  });

  it('are kept in few parts, and nothing of chunks that are empty', () => {
    const seen: string[] = [];
    const reader = new PacketReader(20_000, { onPacket: ({ kind }) => seen.push(kind), onFault: (reason) => seen.push(reason) });
    const parts = (): number => (reader as unknown as { parts: readonly Buffer[] | undefined }).parts?.length ?? 0;
    for (let i = 0; i < 1000; i++) reader.read(Buffer.alloc(0));
    assert.equal(parts(), 0);
    // A PUBLISH to `a` with 10,000 bytes.
    const packet = Buffer.concat([Buffer.from('30934e000161', 'hex'), Buffer.alloc(10_000, 7)]);
    let most = 0;
    for (let at = 0; at < packet.length; at++) {
      reader.read(packet.subarray(at, at + 1));
      most = Math.max(most, parts());
    }
    assert.deepEqual([seen, most <= 64], [['publish'], true]);
  });

  it('are no more told after the reader was stopped, also not those of the same chunk', () => {
    const seen: string[] = [];
    const reader = new PacketReader(100, {
      onPacket({ kind }) {
        seen.push(kind);
        reader.stop();
      },
      onFault: () => seen.push('fault'),
    });
    reader.read(Buffer.from('c000e000ff', 'hex'));
    reader.read(Buffer.from('c000', 'hex'));
    assert.deepEqual(seen, ['pingreq']);
  });
});

describe('MQTT packets of the gate', () => {
  it('are the bytes of another implementation', () => {
    const granted = Array.from({ length: 200 }, (_, i) => [0, 1, 2, 0x80][i % 4]!);
    for (const [ours, packet] of [
      [connack(5, false), { cmd: 'connack', returnCode: 5, sessionPresent: false }],
      [connack(0, true), { cmd: 'connack', returnCode: 0, sessionPresent: true }],
      ...(['puback', 'pubrec', 'pubcomp', 'unsuback'] as const).map((kind) => [confirmation(kind, 4097), { cmd: kind, messageId: 4097 }] as const),
      [confirmation('pubrel', 4097), { cmd: 'pubrel', messageId: 4097, qos: 1 }],
      [suback(4097, granted), { cmd: 'suback', messageId: 4097, granted }],
      [PINGRESP, { cmd: 'pingresp' }],
      [publish({ topic: 'ä/b', body: Buffer.from('x'), qos: 0, retain: true }), { cmd: 'publish', topic: 'ä/b', payload: 'x', qos: 0, retain: true }],
      [publish({ topic: 't', body: Buffer.alloc(130), qos: 2, id: 9, dup: true }), { cmd: 'publish', topic: 't', payload: Buffer.alloc(130), qos: 2, messageId: 9, dup: true }],
    ] as const) {
      assert.deepEqual(Buffer.from(ours), written(packet));
    }
  });
});
