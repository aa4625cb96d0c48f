import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import mqtt, { type Packet as ForeignPacket } from 'mqtt-packet';
import { PacketReader } from '../../../lib/client/tcp/mqtt-codec.js';
import { MqttMessages } from '../../../lib/client/tcp/mqtt-messages.js';

/** What a parser of others makes of our bytes. */
function readByOthers(bytes: Buffer): ForeignPacket[] {
  const packets: ForeignPacket[] = [];
  const parser = mqtt.parser({ protocolVersion: 4 });
  parser.on('packet', (packet) => packets.push(packet));
  parser.on('error', (error) => assert.fail(error));
  parser.parse(bytes);
  return packets;
}

describe('the packets of the TCP client', () => {
  it('are what the standard says', () => {
    const messages = new MqttMessages();
    const [connect] = readByOthers(messages.encode({ connect: { clientId: 'c1', clean: false, username: 'mia', password: 'sécret' } }));
    assert.ok(connect?.cmd === 'connect');
    assert.deepEqual([connect.clientId, connect.clean, connect.username, String(connect.password), connect.protocolVersion, connect.keepalive], ['c1', false, 'mia', 'sécret', 4, 60]);
    const [guest] = readByOthers(messages.encode({ connect: { clientId: '', clean: true, password: 'token' } }));
    assert.ok(guest?.cmd === 'connect');
    assert.deepEqual([guest.username, String(guest.password)], ['', 'token']);
    const body = { text: 'a'.repeat(20_000) };
    const [publish] = readByOthers(messages.encode({ topic: 'chat/HD_say/1', body }));
    assert.ok(publish?.cmd === 'publish');
    assert.deepEqual([publish.topic, JSON.parse(String(publish.payload)), publish.qos], ['chat/HD_say/1', body, 0]);
    const [bytes] = readByOthers(messages.encode({ topic: 't', body: { base64: 'AQID' } }));
    assert.deepEqual(bytes?.cmd === 'publish' && [...(bytes.payload as Buffer)], [1, 2, 3]);
    const [subscribe, unsubscribe] = readByOthers(Buffer.concat([messages.encode({ subscribe: ['a/+', 'b/#'] }), messages.encode({ unsubscribe: ['a/+'] })]));
    assert.ok(subscribe?.cmd === 'subscribe' && unsubscribe?.cmd === 'unsubscribe');
    assert.deepEqual([subscribe.subscriptions.map(({ topic, qos }) => [topic, qos]), unsubscribe.unsubscriptions], [[['a/+', 1], ['b/#', 1]], ['a/+']]);
    assert.deepEqual(readByOthers(Buffer.concat([messages.encode({ ack: 7 }), messages.encode({ ping: 1 })])).map(({ cmd }) => cmd), ['puback', 'pingreq']);
    assert.throws(() => messages.encode({ topic: 'a'.repeat(70_000) }), RangeError);
  });

  it('are read however they are cut', () => {
    const sent = Buffer.concat([
      mqtt.generate({ cmd: 'connack', returnCode: 0, sessionPresent: true }),
      mqtt.generate({ cmd: 'publish', topic: 'room/1', payload: JSON.stringify({ text: 'ü'.repeat(200) }), qos: 1, messageId: 300, dup: true, retain: false }),
      mqtt.generate({ cmd: 'publish', topic: 'raw', payload: Buffer.from([255, 0]), qos: 0, dup: false, retain: false }),
      mqtt.generate({ cmd: 'publish', topic: 'exact', payload: '1', qos: 2, messageId: 9, dup: false, retain: false }),
      mqtt.generate({ cmd: 'pubrel', messageId: 9 }),
      mqtt.generate({ cmd: 'pingresp' }),
    ]);
    const wanted = [{ connected: { resumed: true } }, { topic: 'room/1', body: { text: 'ü'.repeat(200) }, id: 300, dup: true }, { topic: 'raw', body: { base64: '/wA=' } }, { topic: 'exact', body: 1, id: 9 }, undefined, { pong: 1 }];
    for (const size of [1, 2, 3, 7, 100, sent.length]) {
      const reader = new PacketReader(1000);
      const messages = new MqttMessages();
      const read: ReturnType<MqttMessages['decode']>[] = [];
      for (let at = 0; at < sent.length; at += size) {
        for (const packet of reader.read(sent.subarray(at, at + size))) {
          read.push(messages.decode(packet));
          // The first half of exactly once is another packet than that of at least once.
          if (read.length === 4) assert.deepEqual(readByOthers(messages.encode({ ack: 9 })).map(({ cmd }) => cmd), ['pubrec']);
        }
      }
      assert.deepEqual(read.map(({ message }) => message), wanted, `pieces of ${size}`);
      assert.deepEqual(readByOthers(read[4]!.answer!).map(({ cmd, messageId }) => [cmd, messageId]), [['pubcomp', 9]]);
    }
  });

  it('that are none are an error, at once', () => {
    const reader = (): PacketReader => new PacketReader(1000);
    assert.throws(() => reader().read(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])), RangeError);
    assert.throws(() => reader().read(Buffer.from([0x30, 0xff, 0x7f])), RangeError, 'too long');
    const messages = new MqttMessages();
    for (const bytes of [[0x20, 1, 0], [0x30, 3, 0, 9, 65], [0x32, 3, 0, 1, 65], [0x00, 0], [0x30, 3, 0, 1, 0xff]]) {
      const [packet] = reader().read(Buffer.from(bytes));
      assert.throws(() => messages.decode(packet!), bytes.join());
    }
    assert.deepEqual(messages.decode({ type: 2, flags: 0, body: Buffer.from([0, 5]) }), { message: { refused: 'forbidden' } });
  });
});
