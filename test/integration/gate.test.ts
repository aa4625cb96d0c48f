import assert from 'node:assert/strict';
import { type EventEmitter, once as onceOf } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { type GateOptions, GateModule, GatePart } from '../../lib/gateway/gate/index.js';
import { Handler, type RpcApplication, RpcModule, Session } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';

@RpcModule({ type: 'chat' })
class Chat {
  @Handler('HD_say', { concurrent: true })
  async say(@Session() session: Session, body: { text: string }) {
    await session.send('chat/echo', body.text);
    return `heard ${body.text} from ${session.userId || 'guest'}`;
  }

  @Handler('HD_login', { concurrent: true })
  async login(@Session() session: Session, body: { user: string }) {
    await session.bind(body.user);
    await session.setBatch({ level: '3' });
    return { user: session.userId, level: session.get('level'), topic: session.topic };
  }

  @Handler('HD_bytes', { concurrent: true })
  bytes(@Session() _session: Session, body: Uint8Array) {
    return Buffer.from(body).reverse();
  }

  @Handler('HD_slow', { concurrent: true })
  async slow(@Session() _session: Session, _body: unknown) {
    return new Promise((resolve) => setTimeout(resolve, 50, 'slow'));
  }

  @Handler('HD_more', { concurrent: true })
  more(@Session() _session: Session, _body: unknown, more: string) {
    return more;
  }

  @Handler('secret', { concurrent: true })
  secret() {
    return 'secret';
  }
}

/** mqtt.js types its emitter in its own way. */
const once = (emitter: unknown, event: string): Promise<unknown[]> => onceOf(emitter as EventEmitter, event);

describe('a gate', () => {
  const apps: RpcApplication[] = [];
  const clients: MqttClient[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
    await Promise.all(apps.splice(0).map((app) => app.stop()));
  });

  async function start(options: GateOptions = {}) {
    @RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ tcp: { host: '127.0.0.1', port: 0 }, websocket: { host: '127.0.0.1', port: 0 }, ...options })] })
    class Gate {}
    const app = await createTestingApp({ modules: [Gate, Chat] });
    apps.push(app);
    return { app, ports: app.get(GatePart).ports as { tcp: number; websocket: number } };
  }

  async function client(port: number, options: IClientOptions = {}, scheme = 'mqtt'): Promise<MqttClient> {
    const connected = await mqtt.connectAsync(`${scheme}://127.0.0.1:${port}`, { protocolVersion: 4, reconnectPeriod: 0, connectTimeout: 3000, ...options });
    clients.push(connected);
    return connected;
  }

  async function request(client: MqttClient, topic: string, body: string | Buffer): Promise<{ Trace: string; Error: string; Result: unknown }> {
    const answer = new Promise<Buffer>((resolve) => {
      const look = (at: string, payload: Buffer) => {
        if (at !== topic) return;
        client.off('message', look);
        resolve(payload);
      };
      client.on('message', look);
    });
    client.publish(topic, body);
    return JSON.parse((await answer).toString()) as never;
  }

  for (const scheme of ['mqtt', 'ws'] as const) {
    it(`${scheme}: passes requests on, and pushes back`, async () => {
      const { ports } = await start();
      const connected = await client(scheme === 'ws' ? ports.websocket : ports.tcp, {}, scheme);
      const pushed = once(connected, 'message');
      const answer = await request(connected, 'chat/HD_say/1', '{"text":"hi"}');
      assert.deepEqual({ ...answer, Trace: answer.Trace.length }, { Trace: 16, Error: '', Result: 'heard hi from guest' });
      const [topic, payload] = (await pushed) as [string, Buffer];
      assert.deepEqual([topic, payload.toString()], ['chat/echo', 'hi']);
      const login = await request(connected, 'chat/HD_login/2', '{"user":"mia"}');
      assert.deepEqual(login.Result, { user: 'mia', level: '3', topic: 'chat/HD_login/2' });
      assert.equal((await request(connected, 'chat/HD_say/3', '{"text":"again"}')).Result, 'heard again from mia');
      assert.equal((await request(connected, 'chat/HD_bytes/4', Buffer.from([1, 2, 3]))).Result, Buffer.from([3, 2, 1]).toString('base64'));
    });
  }

  it('says what is wrong, and lets nobody in to what is not for clients', async () => {
    const { ports } = await start({ services: ['chat'] });
    const connected = await client(ports.tcp);
    assert.equal((await request(connected, 'nobody/HD_x/1', '')).Error, 'Service(type:nobody) not found');
    assert.equal((await request(connected, 'chat/HD_say/2', '{broken}')).Error, 'The JSON format is incorrect');
    assert.equal((await request(connected, 'chat/HD_none/3', '{}')).Error, 'Remote function(HD_none) not found');
    assert.equal((await request(connected, 'chat/HD_more/4', '{}')).Error, 'the handler takes 3 argument(s), got 2');
    // Not begun with HD_: a topic like any other, which nobody serves.
    connected.publish('chat/secret/4', '{}');
    const seen: string[] = [];
    connected.on('message', (topic) => seen.push(topic));
    await request(connected, 'chat/HD_slow/5', '{}');
    assert.deepEqual(seen, ['chat/HD_slow/5']);
  });

  it('keeps the order of a connection, and answers what is too much', async () => {
    const { ports } = await start({ limits: { inFlight: 3 } });
    const connected = await client(ports.tcp);
    const answers: [string, string][] = [];
    const done = new Promise<void>((resolve) => {
      connected.on('message', (topic, payload) => {
        answers.push([topic, (JSON.parse(payload.toString()) as { Error: string }).Error]);
        if (answers.length === 5) resolve();
      });
    });
    for (let i = 1; i <= 5; i++) connected.publish(`chat/HD_slow/${i}`, '{}');
    await done;
    assert.deepEqual(answers.filter(([, error]) => error === '').map(([topic]) => topic), ['chat/HD_slow/1', 'chat/HD_slow/2', 'chat/HD_slow/3']);
    assert.deepEqual(answers.filter(([, error]) => error !== '').map(([topic]) => topic), ['chat/HD_slow/4', 'chat/HD_slow/5']);
  });

  it('is a broker too: subscriptions, QoS 0 to 2, retained messages, wills', async () => {
    const { ports } = await start();
    const [a, b] = [await client(ports.tcp, { clientId: 'a' }), await client(ports.websocket, { clientId: 'b' }, 'ws')];
    const granted = await b.subscribeAsync({ 'room/+': { qos: 1 }, 'all/#': { qos: 2 }, 'zero': { qos: 0 } });
    assert.deepEqual(granted.map(({ qos }) => qos), [1, 2, 0]);
    const got: [string, string, number][] = [];
    const three = new Promise<void>((resolve) => {
      b.on('message', (topic, payload, { qos }) => {
        got.push([topic, payload.toString(), qos]);
        if (got.length === 3) resolve();
      });
    });
    await a.publishAsync('room/1', 'one', { qos: 2 });
    await a.publishAsync('all/of/it', 'two', { qos: 2 });
    await a.publishAsync('zero', 'three', { qos: 1 });
    await three;
    assert.deepEqual(got, [['room/1', 'one', 1], ['all/of/it', 'two', 2], ['zero', 'three', 0]]);
    await a.publishAsync('news', 'kept', { retain: true, qos: 1 });
    const late = await client(ports.tcp, { will: { topic: 'bye', payload: Buffer.from('gone'), qos: 0, retain: false } });
    const retained = once(late, 'message');
    await late.subscribeAsync('news');
    const [, , packet] = (await retained) as [string, Buffer, { retain: boolean }];
    assert.equal(packet.retain, true);
    await a.subscribeAsync('bye');
    const will = once(a, 'message');
    (late.stream as { destroy(): void }).destroy();
    assert.equal(String((await will)[1]), 'gone');
  });

  it('lets in whom it knows, and says why not', async () => {
    const { ports } = await start({ auth: ({ username, password }) => (password?.toString() === 'right' ? { userId: username!, settings: { by: 'test' } } : undefined) });
    await assert.rejects(client(ports.tcp, { username: 'eve', password: 'wrong' }), { code: 4 });
    await assert.rejects(client(ports.tcp, { protocolVersion: 5 }), /./);
    const known = await client(ports.tcp, { username: 'mia', password: 'right' });
    assert.equal((await request(known, 'chat/HD_say/1', '{"text":"x"}')).Result, 'heard x from mia');
  });

  it('keeps pushes for a user who is away', async () => {
    const { app, ports } = await start({ auth: ({ username }) => ({ userId: username! }) });
    const options = { clientId: 'phone', username: 'mia', clean: false };
    const first = await client(ports.tcp, options);
    await first.endAsync();
    assert.equal(await app.rpc.call('Gate', 'PushToUser', [null, 'mia', 'inbox', Buffer.from('while away'), 1]), 1);
    const second = mqtt.connect(`mqtt://127.0.0.1:${ports.tcp}`, { ...options, protocolVersion: 4, reconnectPeriod: 0 });
    clients.push(second);
    const [topic, payload, packet] = (await once(second, 'message')) as [string, Buffer, { dup: boolean; qos: number }];
    assert.deepEqual([topic, payload.toString(), packet.qos, packet.dup], ['inbox', 'while away', 1, false]);
    // Somebody else with the same client id gets nothing of it.
    const eve = await client(ports.tcp, { ...options, username: 'eve' });
    const seen: string[] = [];
    eve.on('message', (at) => seen.push(at));
    await request(eve, 'chat/HD_slow/1', '{}');
    assert.deepEqual(seen, ['chat/HD_slow/1']);
  });

  it('kicks the first of two logins where it is told to', async () => {
    const { ports } = await start({ auth: ({ username }) => ({ userId: username! }), onDuplicate: 'kick' });
    const first = await client(ports.tcp, { username: 'mia' });
    const closed = once(first, 'close');
    await client(ports.tcp, { username: 'mia' });
    await closed;
  });

  it('ends connections that send what no client may, or nothing', async () => {
    const { ports } = await start({ limits: { connectTimeoutMs: 200, packetBytes: 1000 } });
    const closes = async (bytes: Buffer | undefined) => {
      const socket = connectTcp(ports.tcp, '127.0.0.1');
      if (bytes) socket.write(bytes);
      socket.resume();
      await once(socket, 'close');
    };
    await closes(undefined);
    await closes(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await closes(Buffer.from('101000064d51497364700302001400026331f0ffffff7f', 'hex'));
    // A PUBLISH that will be 2 MB long: refused by its header.
    await closes(Buffer.from('100e00044d515454040200140002633130ffff7f', 'hex'));
    await closes(Buffer.from('100e00044d515454040200140002633130052b0023aabb', 'hex'));
  });

  it('speaks JSON over WebSocket', async () => {
    const { ports } = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${ports.websocket}`, 'anthill.json');
    const messages: unknown[] = [];
    const waiting: ((value: unknown) => void)[] = [];
    socket.onmessage = ({ data }) => {
      const message: unknown = JSON.parse(String(data));
      const next = waiting.shift();
      if (next) next(message);
      else messages.push(message);
    };
    const next = () => (messages.length > 0 ? Promise.resolve(messages.shift()) : new Promise((resolve) => waiting.push(resolve)));
    await new Promise((resolve) => (socket.onopen = resolve));
    socket.send(JSON.stringify({ connect: { clientId: 'page' } }));
    const { connected } = (await next()) as { connected: { sessionId: string; resumed: boolean } };
    assert.match(connected.sessionId, /^[0-9a-f]{16}$/);
    socket.send(JSON.stringify({ topic: 'chat/HD_say/1', body: { text: 'hi' } }));
    assert.deepEqual(await next(), { topic: 'chat/echo', body: { base64: Buffer.from('hi').toString('base64') } });
    assert.equal(((await next()) as { body: { Result: string } }).body.Result, 'heard hi from guest');
    socket.send('not json');
    await new Promise((resolve) => (socket.onclose = resolve));
  });

  it('stops with its clients told', async () => {
    const { app, ports } = await start();
    const connected = await client(ports.tcp);
    const closed = once(connected, 'close');
    await app.stop();
    await closed;
    await assert.rejects(client(ports.tcp, { connectTimeout: 500 }));
    apps.length = 0;
  });
});
