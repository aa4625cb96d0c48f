import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { connect, type ConnectOptions, GateClient, type WebSocketClass } from '../../lib/client/index.js';
import { tcp } from '../../lib/client/tcp/index.js';
import { Gates, type GateOptions, GateModule, GatePart, InjectGates, memoryGateStore } from '../../lib/gateway/gate/index.js';
import { Handler, type RpcApplication, RpcModule, Session } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { selfSigned } from '../services/certificate.js';
import { describeWith, freePort, projectRoot } from '../services/index.js';

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

const TRANSPORTS = {
  websocket: (port: number) => ({ url: `ws://127.0.0.1:${port}`, WebSocket: WebSocket as unknown as WebSocketClass }),
  tcp: (port: number) => ({ url: `mqtt://127.0.0.1:${port}`, transport: tcp() }),
} as const;

for (const kind of ['websocket', 'tcp'] as const) describe(`anthill/client over ${kind}`, () => {
  const apps: RpcApplication[] = [];
  const clients: GateClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(apps.splice(0).map((app) => app.stop()));
  });

  async function start(options: GateOptions = {}) {
    @RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ [kind]: { host: '127.0.0.1', port: 0 }, ...options })] })
    class Gate {}
    const app = await createTestingApp({ modules: [Gate, Chat] });
    apps.push(app);
    return { app, port: app.get(GatePart).ports[kind]!, chat: app.get(Chat) };
  }

  async function open(port: number, options: Partial<ConnectOptions> = {}): Promise<GateClient> {
    const client = await connect({ ...TRANSPORTS[kind](port), maxRetryMs: 50, ...options });
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

  // Over TCP the gate has no words for it.
  if (kind === 'websocket') it('stays away when its user came in elsewhere', async () => {
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
    const listen = { [kind]: { host: '127.0.0.1', port } };
    const first = await start({ ...listen, store, auth });
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
    // MQTT has no word for a gate that stops; by JSON the client was asked to go, and no request is lost, whatever the moment.
    if (kind === 'tcp') while (!states.includes('waiting')) await new Promise((resolve) => setImmediate(resolve));
    const waiting = client.request('chat/HD_say', { text: 'later' });
    client.subscribe('room/1');
    const [sessionId] = (await store.placesOf('mia')).map((place) => place.sessionId);
    assert.equal(client.resumed, false);
    await store.keep(sessionId!, { topic: 'inbox', body: Buffer.from('2'), qos: 1 }, 10);
    await start({ ...listen, store, auth });
    assert.equal(await waiting, 'mia: later');
    assert.equal(client.resumed, true);
    const published = new Promise((resolve) => client.on('room/1', resolve));
    client.publish('room/1', 'what it subscribed to in between');
    assert.equal(await published, 'what it subscribed to in between');
    assert.deepEqual(heard, [1, 2]);
    assert.deepEqual(states.filter((state) => state === 'connected').length, 2);
    assert.equal((await store.placesOf('mia'))[0]?.sessionId, sessionId);
    while ((await store.unacknowledged(sessionId!)).length > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('is typed by schemas, which bodies and answers must keep', async () => {
    const { port } = await start();
    const client = await open(port);
    const chat = client.service('chat', {
      say: { path: 'HD_say', body: z.object({ text: z.string().max(5) }), reply: z.string() },
      odd: { path: 'HD_say', reply: z.number() },
      any: { path: 'HD_say' },
    });
    const answer: string = await chat.say({ text: 'hi' });
    assert.equal(answer, 'guest: hi');
    await assert.rejects(chat.say({ text: 'too long' }), { name: 'GateError', code: 'invalid', message: /the body for chat\/HD_say .*text: / });
    // @ts-expect-error say takes a text
    await assert.rejects(chat.say({ text: 1 }), { code: 'invalid' });
    await assert.rejects(chat.odd({ text: 'hi' }), { code: 'invalid', message: /the answer of chat\/HD_say/ });
    const any: unknown = await chat.any({ text: 'x' });
    assert.equal(any, 'guest: x');
  });
});

describeWith('anthill/client over TLS', ['openssl'], () => {
  it('trusts whom it is told to trust, and nobody else', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'anthill-'));
    const files = await selfSigned(folder);
    const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
    @RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ tcp: { host: '127.0.0.1', port: 0 }, tls: { cert, key } })] })
    class Gate {}
    const app = await createTestingApp({ modules: [Gate, Chat] });
    t.after(async () => {
      await app.stop();
      await rm(folder, { recursive: true });
    });
    const url = `mqtts://localhost:${app.get(GatePart).ports['tcp']!}`;
    const client = await connect({ url, transport: tcp({ tls: { ca: cert } }) });
    assert.equal(await client.request('chat/HD_say', { text: 'hi' }), 'guest: hi');
    client.close();
    // Who is not trusted is tried again: certificates change.
    let states: string[] = [];
    await new Promise<void>((resolve) => {
      const distrustful = new GateClient({ url, transport: tcp(), maxRetryMs: 20, onState: (state) => (states = [...states, state]).length > 3 && resolve() });
      distrustful.opened.catch(() => {});
      t.after(() => distrustful.close());
    });
    assert.ok(!states.includes('connected'), states.join());
  });
});

describe('the code of anthill/client', () => {
  const folder = join(projectRoot(), 'lib/client');
  const importsOf = (file: string): string[] => [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name!);

  it('imports nothing, and names nothing that only Node has', () => {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
      assert.deepEqual(importsOf(join(folder, file)).filter((name) => !/^\.\/[\w-]+\.js$/.test(name)), [], file);
      assert.doesNotMatch(readFileSync(join(folder, file), 'utf8'), /\b(?:Buffer|process|require|setImmediate)\b[.(]/, file);
    }
  });

  it('takes nothing but Node for TCP', () => {
    const imports = readdirSync(join(folder, 'tcp')).flatMap((file) => importsOf(join(folder, 'tcp', file)));
    assert.deepEqual([...new Set(imports.filter((name) => !name.startsWith('.')))].sort(), ['node:net', 'node:tls']);
  });

  it('is as small as the docs say', () => {
    const [, kilobytes] = /(\d+(?:\.\d)?) kB gzipped/.exec(readFileSync(join(projectRoot(), 'docs/gate.md'), 'utf8')) ?? [];
    const built = join(projectRoot(), 'dist/lib/client');
    const code = readdirSync(built).filter((name) => name.endsWith('.js')).map((name) => readFileSync(join(built, name), 'utf8').replace(/^\/\/# sourceMappingURL.*$/m, ''));
    const size = gzipSync(code.join('\n')).length / 1000;
    assert.ok(Number(kilobytes) >= size && Number(kilobytes) - size < 1, `${size} kB, the docs say ${kilobytes}`);
  });
});
