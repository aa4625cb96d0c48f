/** Clients that mean harm, beside one that does not. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { type GateOptions, GatePart, memoryGateStore } from '../../../lib/gateway/gate/index.js';
import { Handler, RpcModule, Session } from '../../../lib/index.js';
import { ask, GateWorld, knock } from '../../integration/gate.support.js';
import { Wire } from '../../integration/mqtt-wire.js';

const HALF_OPEN = 1000;

describe('hostile clients of a gate', () => {
  const world = new GateWorld();
  const sockets: Socket[] = [];
  const work = { now: 0, most: 0, count: 0 };
  let timer: NodeJS.Timeout | undefined;
  afterEach(async () => {
    clearInterval(timer);
    for (const socket of sockets.splice(0)) socket.destroy();
    await world.close();
    Object.assign(work, { now: 0, most: 0, count: 0 });
  });

  @RpcModule({ type: 'svc' })
  class Service {
    @Handler('HD_echo', { concurrent: true })
    echo(@Session() _session: Session, body: unknown) {
      return body;
    }

    @Handler('HD_work', { concurrent: true })
    async work(@Session() _session: Session, _body: unknown) {
      work.count++;
      work.most = Math.max(work.most, ++work.now);
      await new Promise((resolve) => setImmediate(resolve));
      work.now--;
    }
  }

  async function start(options: GateOptions = {}) {
    const { app, ports, port } = await world.start({ websocket: { host: '127.0.0.1', port: 0 }, ...options }, [Service]);
    const { core } = app.get(GatePart) as unknown as { core: { readonly size: number } };
    const good = await world.enter(port, { clientId: 'good' });
    const isServed = async (): Promise<void> => assert.equal((await ask(good, 'svc/HD_echo/1', { hi: 1 })).Error, '');
    return { app, port, ports, core, good, isServed };
  }

  const raw = (port: number): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket.off('error', reject).on('error', () => {}).resume()));
      socket.once('error', reject);
      sockets.push(socket);
    });
  const closed = (socket: Socket): Promise<void> => new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));

  it(`${HALF_OPEN} connections that drip a CONNECT are closed in time, and a good client is served`, async () => {
    const { port, core, isServed } = await start({ limits: { connectTimeoutMs: 1500, connectsPerSecond: 1e6 } });
    const dripping = await Promise.all(Array.from({ length: HALF_OPEN }, () => raw(port)));
    const hello = Buffer.from('100e00044d5154540402000000026331', 'hex');
    let at = 0;
    timer = setInterval(() => {
      for (const socket of dripping) if (socket.writable) socket.write(hello.subarray(at, at + 1));
      at = Math.min(at + 1, hello.length - 2);
    }, 200);
    const all = Promise.all(dripping.map(closed));
    for (let isOver = false; !isOver; ) {
      await isServed();
      isOver = await Promise.race([all.then(() => true), new Promise<boolean>((resolve) => setTimeout(resolve, 20, false))]);
    }
    assert.equal(core.size, 1);
  });

  it('packets that are too long are refused by their header, and ones that never end by the clock', async () => {
    const { port, isServed } = await start({ limits: { packetBytes: 1000, idleTimeoutMs: 500 } });
    const long = await world.enter(port);
    long.write('30 e907');
    await long.closed;
    const endless = await world.enter(port);
    endless.write('30 e707 0001 61');
    timer = setInterval(() => endless.write('78'), 30);
    await Promise.all([endless.closed, isServed()]);
  });

  it('a flood of messages is worked off in its bounds, and the flooder is told', async () => {
    const { port, isServed } = await start({ limits: { inFlight: 5, messagesPerSecond: 2000 }, ordering: 'none' });
    const flooder = await world.enter(port);
    for (let i = 0; i < 2000; i++) flooder.send({ cmd: 'publish', topic: 'svc/HD_work/1', payload: '', qos: 0 });
    for (let i = 0; i < 20; i++) await isServed();
    let full = 0;
    for (let i = 0; i < 2000; i++) full += String((await flooder.next() as unknown as { payload: Buffer }).payload).includes('the work queue is full!') ? 1 : 0;
    assert.ok(work.most <= 5 && full > 0, `${work.most} at once, ${full} refused`);
    assert.equal(work.count + full, 2000);
  });

  it('a flood of subscriptions takes no more than its share, and leaves nothing', async () => {
    const { app, port, isServed } = await start({ limits: { subscriptions: 50, messagesPerSecond: 1e6 } });
    const flooder = await world.enter(port);
    let granted = 0;
    for (let i = 0; i < 40; i++) {
      flooder.send({ cmd: 'subscribe', messageId: 1, subscriptions: Array.from({ length: 100 }, (_, n) => ({ topic: `${i}/${n}/+`, qos: 0 })) });
      const suback = await flooder.next();
      granted += suback.cmd === 'suback' ? suback.granted.filter((code) => code === 0).length : 0;
    }
    flooder.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: '/'.repeat(20_000), qos: 0 }, { topic: '+/'.repeat(20_000) + '#', qos: 0 }] });
    assert.deepEqual([granted, (await flooder.next() as unknown as { granted: number[] }).granted], [50, [0x80, 0x80]]);
    flooder.send({ cmd: 'publish', topic: '/'.repeat(30_000), payload: 'x', qos: 1, messageId: 3 });
    assert.equal((await flooder.next()).cmd, 'puback');
    await isServed();
    flooder.lose();
    const { core } = app.get(GatePart) as unknown as { core: { readonly publisher: { readonly topics: { match(topic: string): Map<unknown, unknown> } }; readonly size: number } };
    while (core.size > 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(core.publisher.topics.match('0/0/x').size, 0);
  });

  it('a flood of retained messages, and of wills that are to be retained, fills no store', async () => {
    const store = memoryGateStore();
    const { port, isServed } = await start({ store, limits: { retainedMessages: 20, retainedBytes: 5000, messagesPerSecond: 1e6 } });
    const flooder = await world.enter(port);
    for (let i = 1; i <= 200; i++) flooder.send({ cmd: 'publish', topic: `r/${i}`, payload: 'x'.repeat(100), qos: 1, messageId: i, retain: true });
    for (let i = 0; i < 200; i++) assert.equal((await flooder.next()).cmd, 'puback');
    for (let i = 0; i < 50; i++) (await world.enter(port, { will: { topic: `w/${i}`, payload: 'w', qos: 0, retain: true } })).lose();
    await isServed();
    assert.equal((await store.retained()).length, 20);
    flooder.send({ cmd: 'publish', topic: 'r/1', payload: 'y'.repeat(4000), qos: 1, messageId: 1, retain: true });
    await flooder.next();
    assert.equal((await store.retained('r/1'))[0]!.body.length, 100);
  });

  it('guests begin no more sessions that stay than they may, and go on with those they have', async () => {
    const { port } = await start({ limits: { keptGuestsPerAddress: 3 } });
    const codes: number[] = [];
    for (let i = 0; i < 5; i++) codes.push(await knock(world, port, { clientId: `box${i}`, clean: false }));
    assert.deepEqual(codes, [0, 0, 0, 3, 3]);
    assert.deepEqual([await knock(world, port, { clientId: 'box1', clean: false }), await knock(world, port, { clientId: 'box9', clean: true })], [0, 0]);
  });

  it('JSON that is deep, that wants to be a prototype, and that has odd numbers', async () => {
    const { ports, core, isServed } = await start();
    const open = async (): Promise<{ socket: WebSocket; next(): Promise<Record<string, unknown>> }> => {
      const socket = new WebSocket(`ws://127.0.0.1:${ports.websocket}`, 'anthill.json');
      const next = (): Promise<Record<string, unknown>> =>
        new Promise((resolve, reject) => {
          socket.once('message', (data: Buffer) => resolve(JSON.parse(String(data)) as Record<string, unknown>));
          socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
        });
      await new Promise((resolve) => socket.once('open', resolve));
      socket.send('{"connect":{"clientId":"j","__proto__":{"clean":false},"username":{"a":1},"password":["x"]},"__proto__":{"topic":"x"}}');
      assert.deepEqual(Object.keys((await next())['connected'] as object), ['sessionId', 'resumed']);
      return { socket, next };
    };
    const deep = '[{"a":'.repeat(7000) + '1' + '}]'.repeat(7000);
    const deepest = '['.repeat(32_000) + ']'.repeat(32_000);
    for (const text of [`{"topic":"t","body":${deepest}}`, deepest, `{"subscribe":${deepest}}`, `{"topic":"svc/HD_echo/1","body":{"a":${deep}}}`, `{"topic":"t","body":${deep}}`, deep, `{"subscribe":${deep}}`]) {
      const { socket, next } = await open();
      socket.send(text);
      socket.send('{"ping":1}');
      // Answered, or closed: as long as nobody else notices.
      await next().catch(() => {});
      socket.terminate();
      await isServed();
    }
    // Over MQTT the same text is bytes, until the service is asked.
    const { wire } = await Wire.enter(ports.tcp);
    wire.send({ cmd: 'publish', topic: 'svc/HD_echo/1', payload: `{"a":${deepest}}`, qos: 0 });
    assert.match(String(((await wire.next()) as unknown as { payload: Buffer }).payload), /"Error":"[^"]/);
    wire.lose();
    await isServed();
    const { socket, next } = await open();
    for (const text of ['{"ack":1e308}', '{"ack":-1}', '{"ack":0.5}', '{"subscribe":["__proto__","constructor"],"id":9007199254740993}']) socket.send(text);
    assert.deepEqual(await next(), { done: 9007199254740992, granted: [1, 1] });
    socket.send('{"topic":"svc/HD_echo/2","body":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}');
    const answer = (await next())['body'] as { Error: string };
    assert.notEqual(answer.Error, '');
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    socket.send('{"unsubscribe":["__proto__"],"id":1}');
    assert.deepEqual(await next(), { done: 1 });
    socket.terminate();
    while (core.size > 1) await new Promise((resolve) => setImmediate(resolve));
  });

  it('upgrades that never come to an end', async () => {
    const { ports, isServed } = await start();
    const slow = await Promise.all(Array.from({ length: 200 }, () => raw(ports.websocket)));
    for (const socket of slow) socket.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX-Slow: ');
    timer = setInterval(() => slow.forEach((socket) => socket.writable && socket.write('a')), 300);
    const all = Promise.all(slow.map(closed));
    await isServed();
    await all;
    const wire = await Wire.enter(ports.tcp);
    wire.wire.lose();
  });
});
