import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { type GateOptions, GateModule, GatePart, memoryGateStore } from '../../lib/gateway/gate/index.js';
import { Handler, type RpcApplication, RpcModule, Session } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { Wire } from './mqtt-wire.js';

/** Section by section of MQTT 3.1.1, with packets that no library would send. What libraries do: test/interop/mqtt-*.test.ts. */
describe('a gate keeps to MQTT 3.1.1', () => {
  const apps: RpcApplication[] = [];
  const wires: Wire[] = [];
  const calls: string[] = [];
  let goOn = (): void => {};
  let begun: Promise<void> = Promise.resolve();
  afterEach(async () => {
    goOn();
    for (const wire of wires.splice(0)) wire.lose();
    await Promise.all(apps.splice(0).map((app) => app.stop()));
    calls.length = 0;
  });

  @RpcModule({ type: 'log' })
  class Log {
    @Handler('HD_add', { concurrent: true })
    add(@Session() _session: Session, body: Uint8Array) {
      calls.push(Buffer.from(body).toString());
    }

    /** Does not end before {@link goOn}. */
    @Handler('HD_wait', { concurrent: true })
    async wait(@Session() _session: Session, body: Uint8Array) {
      begin();
      await new Promise<void>((resolve) => (goOn = resolve));
      calls.push(Buffer.from(body).toString());
    }
  }
  let begin = (): void => {};

  async function start(options: GateOptions = {}): Promise<number> {
    begun = new Promise((resolve) => (begin = resolve));
    @RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ tcp: { host: '127.0.0.1', port: 0 }, ...options })] })
    class Gate {}
    const app = await createTestingApp({ modules: [Gate, Log] });
    apps.push(app);
    return app.get(GatePart).ports['tcp']!;
  }

  async function enter(port: number, hello: object = {}) {
    const entered = await Wire.enter(port, hello);
    wires.push(entered.wire);
    return entered;
  }

  const kept = { clientId: 'phone', clean: false };
  const publish = (topic: string, payload: string, more: object = {}) => ({ cmd: 'publish', topic, payload, qos: 0, ...more });
  const text = (packet: Packet): string => `${(packet as IPublishPacket).topic}=${String((packet as IPublishPacket).payload)}`;
  const shape = (packet: Packet) => ({ cmd: packet.cmd, messageId: packet.messageId, ...(packet.cmd === 'publish' && { dup: packet.dup, qos: packet.qos, text: text(packet) }) });

  it('3.1, 3.2: says why it lets nobody in', async () => {
    const port = await start();
    const code = async (hex: string): Promise<number | 'closed'> => {
      const wire = await Wire.open(port);
      wires.push(wire);
      wire.write(hex);
      const answer = await wire.next().catch(() => undefined);
      await wire.closed;
      return answer?.cmd === 'connack' ? answer.returnCode! : 'closed';
    };
    assert.equal(await code('100f 00044d515454 05 02 0014 00 0002 6331'), 1);
    assert.equal(await code('100e 00044d515454 06 02 0014 0002 6331'), 1);
    assert.equal(await code('100c 00044d515454 04 00 0014 0000'), 2);
    assert.equal(await code('100c 00044d515455 04 02 0014 0000'), 'closed');
    for (const first of ['c000', '3003 000161', '8206 0001 000161 00', 'e000', '20020000', '47455420']) assert.equal(await code(first), 'closed', first);
  });

  it('3.1.0-2, 4.8: ends a connection with a second CONNECT, and with what servers send', async () => {
    const port = await start();
    for (const hex of ['100e 00044d515454 04 02 0014 0002 6331', '2002 0000', '9003 0001 00', 'd000', '3005 0003 612f23 78', '3005 0003 2b2f61 78', '3003 0000 78', 'f000']) {
      const { wire } = await enter(port);
      wire.write(hex);
      await wire.closed;
    }
  });

  it('3.1.2: takes packets that come before its CONNACK, in their order', async () => {
    const port = await start({ auth: () => new Promise((resolve) => setImmediate(() => setImmediate(() => resolve({ userId: 'mia' })))) });
    const wire = await Wire.open(port);
    wires.push(wire);
    wire.write(`100e 00044d515454 04 02 0000 0002 6331  8206 0001 000161 01 ${'3004 0001 61 78'.repeat(10)} c000`);
    const answers = [await wire.next(), await wire.next(), await wire.next()].map(({ cmd }) => cmd);
    assert.deepEqual([answers[0], answers.slice(1).sort()], ['connack', ['pingresp', 'suback']]);
  });

  it('3.8: answers each filter, in order', async () => {
    const port = await start({ hooks: { maySubscribe: (_session, filter) => filter !== 'secret' }, limits: { subscriptions: 3, topicLevels: 4, topicLength: 20 } });
    const { wire } = await enter(port);
    const granted = async (...topics: string[]) => {
      wire.send({ cmd: 'subscribe', messageId: 9, subscriptions: topics.map((topic) => ({ topic, qos: 1 })) });
      const suback = await wire.next();
      return suback.cmd === 'suback' && suback.messageId === 9 ? suback.granted : suback;
    };
    assert.deepEqual(await granted('a', 'secret', 'a/#/b', 'a+', '+/+', '#'), [1, 0x80, 0x80, 0x80, 1, 1]);
    assert.deepEqual(await granted('b', 'a'), [0x80, 1]);
    assert.deepEqual(await granted('1/2/3/4/5', 'x'.repeat(21)), [0x80, 0x80]);
    wire.send({ cmd: 'unsubscribe', messageId: 10, unsubscriptions: ['+/+', 'never'] });
    assert.deepEqual(shape(await wire.next()), { cmd: 'unsuback', messageId: 10 });
    assert.deepEqual(await granted('1/2/3/4'), [1]);
  });

  it('3.3: confirms what it does not pass on, and drops nothing that it confirms', async () => {
    const port = await start({ limits: { inFlight: 2 } });
    const { wire } = await enter(port);
    for (let id = 1; id <= 20; id++) wire.send(publish('log/HD_add', String(id), { qos: 1, messageId: id }));
    for (let id = 1; id <= 20; id++) assert.deepEqual(shape(await wire.next()), { cmd: 'puback', messageId: id });
    assert.deepEqual(calls, Array.from({ length: 20 }, (_, i) => String(i + 1)));
    wire.send(publish('$SYS/x', 'no', { qos: 1, messageId: 65_535 }));
    assert.deepEqual(shape(await wire.next()), { cmd: 'puback', messageId: 65_535 });
  });

  it('4.3.3: handles a message of QoS 2 once, though it comes again, also with the next connection', async () => {
    const port = await start();
    const first = (await enter(port, kept)).wire;
    first.send(publish('log/HD_add', 'once', { qos: 2, messageId: 7 }));
    assert.deepEqual(shape(await first.next()), { cmd: 'pubrec', messageId: 7 });
    first.send(publish('log/HD_add', 'once', { qos: 2, messageId: 7, dup: true }));
    assert.deepEqual(shape(await first.next()), { cmd: 'pubrec', messageId: 7 });
    first.lose();
    const { wire, sessionPresent } = await enter(port, kept);
    assert.equal(sessionPresent, true);
    wire.send(publish('log/HD_add', 'once', { qos: 2, messageId: 7, dup: true }));
    assert.deepEqual(shape(await wire.next()), { cmd: 'pubrec', messageId: 7 });
    wire.send({ cmd: 'pubrel', messageId: 7, qos: 1 });
    assert.deepEqual(shape(await wire.next()), { cmd: 'pubcomp', messageId: 7 });
    // PUBREL again: the answer was lost.
    wire.send({ cmd: 'pubrel', messageId: 7, qos: 1 });
    assert.deepEqual(shape(await wire.next()), { cmd: 'pubcomp', messageId: 7 });
    assert.deepEqual(calls, ['once']);
    wire.send(publish('log/HD_add', 'another', { qos: 2, messageId: 7 }));
    assert.deepEqual(shape(await wire.next()), { cmd: 'pubrec', messageId: 7 });
    assert.deepEqual(calls, ['once', 'another']);
  });

  it('4.3.3: goes on with a message of QoS 2 when its client is lost meanwhile, and handles it once', async () => {
    const port = await start();
    const first = (await enter(port, kept)).wire;
    first.send(publish('log/HD_wait', 'slow', { qos: 2, messageId: 1 }));
    first.send(publish('log/HD_add', 'behind', { qos: 2, messageId: 2 }));
    await begun;
    first.lose();
    const { wire } = await enter(port, kept);
    for (const [id, topic, body] of [[1, 'log/HD_wait', 'slow'], [2, 'log/HD_add', 'behind']] as const) wire.send(publish(topic, body, { qos: 2, messageId: id, dup: true }));
    assert.deepEqual([shape(await wire.next()), shape(await wire.next())], [{ cmd: 'pubrec', messageId: 1 }, { cmd: 'pubrec', messageId: 2 }]);
    assert.deepEqual(calls, ['behind']);
    goOn();
    while (calls.length < 2) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(calls, ['behind', 'slow']);
  });

  it('4.3.3, 4.4: sends a push of QoS 2 again until the client has it, and its PUBREL until the client is done', async () => {
    const port = await start();
    const a = (await enter(port)).wire;
    let b = (await enter(port, kept)).wire;
    b.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'in', qos: 2 }] });
    await b.next();
    for (const [id, body] of [[1, 'one'], [2, 'two']] as const) a.send(publish('in', body, { qos: 2, messageId: id }));
    assert.deepEqual([shape(await b.next()), shape(await b.next())].map(({ messageId, ...rest }) => [messageId, rest]), [
      [1, { cmd: 'publish', dup: false, qos: 2, text: 'in=one' }],
      [2, { cmd: 'publish', dup: false, qos: 2, text: 'in=two' }],
    ]);
    b.send({ cmd: 'pubrec', messageId: 1 });
    assert.deepEqual(shape(await b.next()), { cmd: 'pubrel', messageId: 1 });
    await b.flush();
    b.lose();
    b = (await enter(port, kept)).wire;
    assert.deepEqual([shape(await b.next()), shape(await b.next())], [{ cmd: 'pubrel', messageId: 1 }, { cmd: 'publish', messageId: 2, dup: true, qos: 2, text: 'in=two' }]);
    b.send({ cmd: 'pubcomp', messageId: 1 });
    b.send({ cmd: 'pubrec', messageId: 2 });
    assert.deepEqual(shape(await b.next()), { cmd: 'pubrel', messageId: 2 });
    b.send({ cmd: 'pubcomp', messageId: 2 });
    await b.flush();
    b.lose();
    b = (await enter(port, kept)).wire;
    assert.deepEqual(await b.flush(), []);
  });

  it('4.4: numbers pushes round, and leaves out those that are under way', async () => {
    const store = memoryGateStore();
    const port = await start({ store });
    const { wire } = await enter(port, kept);
    const place = (await store.open({ sessionId: 'none', clientId: '0//phone', userId: '', settings: {}, subscriptions: {} }, 'Gate@none', 1000)).session.sessionId;
    await store.keep(place, { topic: 't', body: Buffer.from('first'), qos: 1 }, 10);
    for (let id = 2; id <= 0xffff; id++) {
      await store.keep(place, { topic: 't', body: Buffer.alloc(0), qos: 1 }, 10);
      await store.acknowledge(place, id);
    }
    const kept2 = await store.keep(place, { topic: 't', body: Buffer.from('round'), qos: 1 }, 10);
    assert.equal(typeof kept2 === 'object' && kept2.push.id, 2);
    wire.lose();
    const { wire: next } = await enter(port, kept);
    assert.deepEqual([shape(await next.next()).messageId, shape(await next.next()).messageId], [1, 2]);
  });

  it('3.1.2.4, 3.3.1.3: a session that is not clean queues what it has subscribed to, and a clean one forgets all', async () => {
    const port = await start();
    const a = (await enter(port)).wire;
    const b = (await enter(port, kept)).wire;
    b.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'q/+', qos: 1 }] });
    await b.next();
    b.send({ cmd: 'disconnect' });
    await b.closed;
    for (const [id, qos] of [[1, 1], [2, 2]] as const) {
      a.send(publish(`q/${id}`, 'x', { qos, messageId: id }));
      await a.next();
    }
    const { wire, sessionPresent } = await enter(port, kept);
    assert.deepEqual([sessionPresent, shape(await wire.next()), shape(await wire.next())], [
      true,
      { cmd: 'publish', messageId: 1, dup: false, qos: 1, text: 'q/1=x' },
      { cmd: 'publish', messageId: 2, dup: false, qos: 1, text: 'q/2=x' },
    ]);
    wire.lose();
    const clean = await enter(port, { ...kept, clean: true });
    assert.deepEqual([clean.sessionPresent, await clean.wire.flush()], [false, []]);
    clean.wire.lose();
    assert.equal((await enter(port, kept)).sessionPresent, false);
  });

  it('3.14: publishes no will after DISCONNECT, and one after everything else', async () => {
    const port = await start();
    const watcher = (await enter(port)).wire;
    watcher.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'will/#', qos: 0 }] });
    await watcher.next();
    const will = (topic: string) => ({ will: { topic: `will/${topic}`, payload: 'w', qos: 1, retain: false } });
    const polite = (await enter(port, will('disconnect'))).wire;
    polite.send({ cmd: 'disconnect' });
    await polite.closed;
    const wrong = (await enter(port, will('protocol'))).wire;
    wrong.write('f000');
    assert.equal(text(await watcher.next()), 'will/protocol=w');
    await enter(port, { ...will('taken'), clientId: 'twin' });
    await enter(port, { clientId: 'twin' });
    assert.equal(text(await watcher.next()), 'will/taken=w');
    (await enter(port, will('bad/+'))).wire.lose();
    (await enter(port, will('lost'))).wire.lose();
    assert.equal(text(await watcher.next()), 'will/lost=w');
  });

  it('3.1.2.10: ends clients that are silent, and those that drip', async () => {
    const port = await start({ limits: { connectTimeoutMs: 300 } });
    const silent = (await enter(port, { keepalive: 1 })).wire;
    const dripping = (await enter(port, { keepalive: 1 })).wire;
    const lively = (await enter(port, { keepalive: 1 })).wire;
    dripping.write('30 ffff01');
    const drip = setInterval(() => dripping.write('61'), 50);
    const ping = setInterval(() => lively.send({ cmd: 'pingreq' }), 100);
    try {
      await Promise.all([silent.closed, dripping.closed]);
      // It had its answers all the time, and has them still.
      assert.ok((await lively.flush()).every(({ cmd }) => cmd === 'pingresp'));
    } finally {
      clearInterval(drip);
      clearInterval(ping);
    }
  });
});
