import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { connect, type ConnectOptions, GateClient, type WebSocketClass } from '../../lib/client/index.js';
import { Gates, type GateOptions, GateModule, GatePart, InjectGates, memoryGateStore } from '../../lib/gateway/gate/index.js';
import { Handler, type RpcApplication, RpcModule, Session } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { freePort, projectRoot } from '../services/index.js';

@RpcModule({ type: 'chat' })
class Chat {
  release: (() => void) | undefined;
  constructor(@InjectGates() readonly gates: Gates) {}

  @Handler('HD_say', { concurrent: true })
  say(@Session() session: Session, body: { text: string }) {
    return `${session.userId || 'guest'}: ${body.text}`;
  }

  @Handler('HD_fail', { concurrent: true })
  fail(@Session() _session: Session, _body: object): string {
    throw new Error('not for clients');
  }

  @Handler('HD_wait', { concurrent: true })
  async wait(@Session() _session: Session, _body: object) {
    await new Promise<void>((resolve) => (this.release = resolve));
    return 'done';
  }
}

describe('anthill/client', () => {
  const apps: RpcApplication[] = [];
  const clients: GateClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(apps.splice(0).map((app) => app.stop()));
  });

  async function start(options: GateOptions = {}) {
    @RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ websocket: { host: '127.0.0.1', port: 0 }, ...options })] })
    class Gate {}
    const app = await createTestingApp({ modules: [Gate, Chat] });
    apps.push(app);
    return { app, port: app.get(GatePart).ports['websocket']!, chat: app.get(Chat) };
  }

  async function open(port: number, options: Partial<ConnectOptions> = {}): Promise<GateClient> {
    const client = await connect({ url: `ws://127.0.0.1:${port}`, WebSocket: WebSocket as unknown as WebSocketClass, maxRetryMs: 50, ...options });
    clients.push(client);
    return client;
  }

  it('asks, and is typed by the class', async () => {
    const { port } = await start();
    const client = await open(port);
    assert.equal(await client.request('chat/HD_say', { text: 'hi' }), 'guest: hi');
    const chat = client.service<Chat>()('chat', { say: 'HD_say', fail: 'HD_fail' });
    const answer: string = await chat.say({ text: 'typed' });
    assert.equal(answer, 'guest: typed');
    // @ts-expect-error say takes a text
    await chat.say({ txt: 1 }).catch(() => {});
    await assert.rejects(chat.fail({}), (error: Error & { code?: string }) => error.code === 'failed' && !error.message.includes('not for clients'));
    await assert.rejects(client.request('nobody/HD_x'), { code: 'failed', message: 'Service(type:nobody) not found' });
  });

  it('gives up in time', async () => {
    const { port, chat } = await start();
    const client = await open(port);
    await assert.rejects(client.request('chat/HD_wait', {}, { timeoutMs: 50 }), { name: 'GateError', code: 'timeout' });
    chat.release?.();
  });

  it('gets pushes and what others publish', async () => {
    const { port, chat } = await start({ auth: ({ username }) => ({ userId: username ?? '' }) });
    const [mia, leo] = [await open(port, { username: 'mia' }), await open(port, { username: async () => 'leo' })];
    const heard: unknown[] = [];
    const three = new Promise<void>((resolve) => {
      mia.on('inbox', (body) => heard.push(body));
      mia.on('room/+', (body, topic) => {
        heard.push([topic, body]);
        if (heard.length === 2) resolve();
      });
    });
    await chat.gates.pushToUser('mia', 'inbox', { from: 'leo' }, { qos: 1 });
    mia.subscribe('room/+');
    // The answer comes behind the subscription.
    await mia.request('chat/HD_say', { text: '' });
    leo.publish('room/1', { text: 'hello' });
    await three;
    assert.deepEqual(heard, [{ from: 'leo' }, ['room/1', { text: 'hello' }]]);
  });

  it('is told when it is not let in, once and for all', async () => {
    const { port } = await start({ auth: () => undefined });
    await assert.rejects(open(port), { code: 'refused', message: /credentials/ });
  });

  it('stays away when its user came in elsewhere', async () => {
    const { port } = await start({ auth: ({ username }) => ({ userId: username! }), onDuplicate: 'kick' });
    const states: string[] = [];
    const closed = new Promise<void>((resolve) => void open(port, { username: 'mia', onState: (state) => (states.push(state), state === 'closed' && resolve()) }));
    while (!states.includes('connected')) await new Promise((resolve) => setImmediate(resolve));
    await open(port, { username: 'mia' });
    await closed;
  });

  it('comes back by itself: the session goes on, nothing that waited is lost or told twice', async () => {
    const port = await freePort();
    const store = memoryGateStore();
    const auth: GateOptions['auth'] = ({ username }) => ({ userId: username! });
    const websocket = { host: '127.0.0.1', port };
    const first = await start({ websocket, store, auth });
    const states: string[] = [];
    const client = await open(port, { username: 'mia', onState: (state) => states.push(state) });
    const heard: unknown[] = [];
    client.on('inbox', (body) => heard.push(body));
    await first.chat.gates.pushToUser('mia', 'inbox', 1, { qos: 1 });
    const underWay = client.request('chat/HD_wait', {});
    while (!first.chat.release) await new Promise((resolve) => setImmediate(resolve));
    const stopped = first.app.stop();
    first.chat.release();
    assert.equal(await underWay, 'done');
    await stopped;
    apps.length = 0;
    while (!states.includes('waiting')) await new Promise((resolve) => setImmediate(resolve));
    const waiting = client.request('chat/HD_say', { text: 'later' });
    const [sessionId] = (await store.placesOf('mia')).map((place) => place.sessionId);
    assert.equal(client.resumed, false);
    await store.keep(sessionId!, { topic: 'inbox', body: Buffer.from('2'), qos: 1 }, 10);
    await start({ websocket, store, auth });
    assert.equal(await waiting, 'mia: later');
    assert.equal(client.resumed, true);
    assert.deepEqual(heard, [1, 2]);
    assert.deepEqual(states.filter((state) => state === 'connected').length, 2);
    assert.equal((await store.placesOf('mia'))[0]?.sessionId, sessionId);
    while ((await store.unacknowledged(sessionId!)).length > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('imports nothing', () => {
    const folder = join(projectRoot(), 'lib/client');
    const imports = readdirSync(folder).flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(/from '([^']+)'/g)].map(([, name]) => name!));
    assert.deepEqual(imports.filter((name) => !name.startsWith('./')), []);
  });
});
