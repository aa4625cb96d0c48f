import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import type { BootError } from '../../lib/common/boot-error.js';
import { systemClock } from '../../lib/common/clock.js';
import { ConnectionAgent, type GateOptions, Gates, InjectGates, type PushMessage, uriRoute } from '../../lib/gateway/gate/index.js';
import { Handler, memoryRegistry, MemoryRegistryHub, memoryTransport, memoryTransportHub, RpcModule, Session } from '../../lib/index.js';
import { ask, GateWorld, knock } from './gate.support.js';

describe('options of a gate', () => {
  const world = new GateWorld();
  const calls: string[] = [];
  const gates = new Map<string, () => void>();
  afterEach(async () => {
    for (const open of gates.values()) open();
    await world.close();
    calls.length = 0;
    gates.clear();
  });

  @RpcModule({ type: 'shop' })
  class Shop {
    @Handler('open', { public: true, concurrent: true })
    open(@Session() session: Session, body: { n: number }) {
      return { guest: session.isGuest, n: body.n };
    }

    @Handler('/open', { public: true, concurrent: true })
    openPath(@Session() _session: Session, body: { n: number }) {
      return body.n;
    }

    @Handler('secret', { concurrent: true })
    secret(@Session() _session: Session, _body: unknown) {
      calls.push('secret');
      return 'secret';
    }

    @Handler('HD_closed', { public: false, concurrent: true })
    closed(@Session() _session: Session, _body: unknown) {
      calls.push('closed');
    }

    /** Ends when the test opens the gate of this name. */
    @Handler('HD_wait', { concurrent: true })
    async wait(@Session() _session: Session, { name }: { name: string }) {
      calls.push(name);
      if (name.endsWith('!')) await new Promise<void>((resolve) => gates.set(name, resolve));
      return name;
    }
  }

  it('handlers: a public handler is called by its name where its service is listed, and no other', async () => {
    const { port } = await world.start({ services: ['shop'], handlers: 'public' }, [Shop]);
    const wire = await world.enter(port);
    assert.deepEqual((await ask(wire, 'shop/open/1', { n: 4 })).Result, { guest: true, n: 4 });
    for (const fn of ['secret', 'HD_closed', 'none']) assert.match((await ask(wire, `shop/${fn}/2`)).Error, /no handler|not found|HD_|none|secret/i, fn);
    assert.deepEqual(calls, []);
    // A service that is not listed is no service: a topic.
    wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'room/open/1', qos: 0 }] });
    await wire.next();
    wire.send({ cmd: 'publish', topic: 'room/open/1', payload: '"hi"', qos: 0 });
    assert.equal(String(((await wire.next()) as unknown as { payload: Buffer }).payload), '"hi"');
    await assert.rejects(world.start({ handlers: 'public' }, [Shop]), { reason: 'GATE_OPTIONS', message: /needs the list/ });
  });

  it('handlers: by default topics of public handlers are for subscribers', async () => {
    const { port } = await world.start({}, [Shop]);
    const wire = await world.enter(port);
    wire.send({ cmd: 'publish', topic: 'shop/open/1', payload: '{"n":1}', qos: 0 });
    assert.deepEqual(await wire.flush(), []);
    assert.equal((await ask(wire, 'shop/HD_wait/1', { name: 'a' })).Result, 'a');
  });

  it('route: URI topics reach public handlers only', async () => {
    const { port } = await world.start({ route: uriRoute() }, [Shop]);
    const wire = await world.enter(port);
    assert.equal((await ask(wire, 'shop://modulus/open?msg_id=1', { n: 5 })).Result, 5);
    assert.equal((await ask(wire, 'shop://modulus/%E0%A4%A?msg_id=2')).Error, 'internal error');
    assert.notEqual((await ask(wire, 'shop://modulus/secret?msg_id=3')).Error, '');
    assert.equal((await ask(wire, 'none://modulus/x?msg_id=4')).Error, 'Service(type:none) not found');
    assert.deepEqual(calls, []);
  });

  it('services: names that are not listed cost no question to the registry', async () => {
    const asked: string[] = [];
    const registry = memoryRegistry();
    const counting = new Proxy(registry, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          asked.push(...args.filter((arg) => typeof arg === 'string'));
          return (value as (...args: unknown[]) => unknown).apply(target, args);
        };
      },
    });
    const { port } = await world.start({ services: ['shop'] }, [Shop], { registry: counting });
    const wire = await world.enter(port);
    for (let i = 0; i < 50; i++) assert.equal((await ask(wire, `x${i}/HD_a/1`)).Error, `Service(type:x${i}) not found`);
    assert.equal((await ask(wire, 'shop@nobody/HD_wait/1')).Error, 'Service(type:shop) not found');
    assert.deepEqual(asked.filter((name) => /^x\d/.test(name)), []);
    // With no list each of them would.
    const open = await world.start({}, [Shop], { registry: counting });
    assert.equal((await ask(await world.enter(open.port), 'x0/HD_a/1')).Error, 'Service(type:x0) not found');
    assert.deepEqual([...new Set(asked.filter((name) => /^x\d/.test(name)))], ['x0']);
  });

  it('ordering: one after the other in each lane', async () => {
    const { port } = await world.start({ ordering: (topic) => topic.split('/')[2]![0]! }, [Shop]);
    const wire = await world.enter(port);
    const send = (id: string, name: string) => wire.send({ cmd: 'publish', topic: `shop/HD_wait/${id}`, payload: JSON.stringify({ name }), qos: 0 });
    send('a1', 'a1!');
    send('a2', 'a2');
    assert.equal((await ask(wire, 'shop/HD_wait/b1', { name: 'b1' })).Result, 'b1');
    assert.deepEqual(calls, ['a1!', 'b1']);
    gates.get('a1!')!();
    assert.deepEqual([(await wire.next()), (await wire.next())].map((packet) => (packet as unknown as { topic: string }).topic), ['shop/HD_wait/a1', 'shop/HD_wait/a2']);
    assert.deepEqual(calls, ['a1!', 'b1', 'a2']);
  });

  it('hooks.isGuest: every service hears it', async () => {
    const { port } = await world.start({ services: ['shop'], handlers: 'public', auth: ({ username }) => ({ userId: username ?? '' }), hooks: { isGuest: (session) => session.userId.startsWith('visitor') } }, [Shop]);
    for (const [username, guest] of [['visitor-1', true], ['mia', false]] as const) {
      assert.deepEqual((await ask(await world.enter(port, { username }), 'shop/open/1', { n: 1 })).Result, { guest, n: 1 });
    }
    assert.deepEqual((await ask(await world.enter(port), 'shop/open/1', { n: 1 })).Result, { guest: false, n: 1 });
  });

  it('hooks.storage: asked on bind, told of changes, and of life no more often than heartbeatMs', async () => {
    const told: string[] = [];
    const storage = {
      query: (userId: string) => {
        told.push(`query ${userId}`);
        return Promise.resolve({ level: '7' });
      },
      save: (session: Session) => Promise.resolve(void told.push(`save ${session.userId} ${session.get('level')}`)),
      delete: (session: Session) => Promise.resolve(void told.push(`delete ${session.userId}`)),
      heartbeat: (session: Session) => Promise.resolve(void told.push(`heartbeat ${session.userId}`)),
    };
    const { port } = await world.start({ hooks: { storage, heartbeatMs: 3_600_000 }, auth: ({ username }) => ({ userId: username ?? '' }) }, [Shop]);
    const wire = await world.enter(port, { username: 'mia' });
    for (let i = 0; i < 3; i++) await wire.flush();
    assert.deepEqual(told, ['query mia', 'save mia 7', 'heartbeat mia']);
    const guest = await world.enter(port);
    await guest.flush();
    assert.equal(told.length, 3);
  });

  it('hooks: connected before the first message, disconnected after it, sending before all that leaves', async () => {
    const told: string[] = [];
    let left = (): void => {};
    const gone = new Promise<void>((resolve) => (left = resolve));
    const hooks = {
      connected: async (session: Session) => {
        await new Promise((resolve) => setImmediate(resolve));
        told.push(`connected ${session.userId}`);
      },
      disconnected: (session: Session, reason: string) => (told.push(`disconnected ${session.userId} ${reason}`), left()),
      sending(_session: Session, topic: string, body: Uint8Array) {
        told.push(topic);
        if (topic === 'never') return undefined;
        if (topic === 'broken') throw new Error('a mistake of the app');
        return Buffer.from(String(Buffer.from(body)).replace('secret', '***'));
      },
    };
    const { app, port } = await world.start({ hooks, auth: ({ username }) => ({ userId: username ?? '' }) }, [Shop]);
    const wire = await world.enter(port, { username: 'mia' });
    assert.equal((await ask(wire, 'shop/HD_wait/1', { name: 'a secret' })).Result, 'a ***');
    for (const topic of ['never', 'broken', 'news']) await app.rpc.call('Gate', 'PushToUser', [null, 'mia', topic, Buffer.from('x'), 0]);
    assert.equal((await wire.next() as unknown as { topic: string }).topic, 'news');
    wire.send({ cmd: 'disconnect' });
    await gone;
    assert.deepEqual(told, ['connected mia', 'shop/HD_wait/1', 'never', 'broken', 'news', 'disconnected mia client']);
  });

  it('refuses topics that no client could be told', async () => {
    const { app } = await world.start({});
    for (const [fn, args] of [['BroadCast', ['', Buffer.alloc(1)]], ['BroadCast', ['x'.repeat(65_536), Buffer.alloc(1)]], ['PushToUser', ['mia', '', Buffer.alloc(1), 1]], ['PublishAll', ['a/+', Buffer.alloc(1), 0, false]]] as const) {
      await assert.rejects(app.rpc.call('Gate', fn, [null, ...args]), { reason: 'ARGUMENT_TYPE' }, fn);
    }
  });

  it('warns of a second gate that keeps its sessions in memory', async () => {
    const warnings: string[] = [];
    const [transport, registry] = [memoryTransportHub(), new MemoryRegistryHub()];
    const logger = { log() {}, error() {}, debug() {}, verbose() {}, warn: (text: unknown) => void warnings.push(String(text)) };
    const shared = () => ({ transport: memoryTransport(transport), registry: memoryRegistry(registry), logger });
    await world.start({}, [], shared());
    assert.deepEqual(warnings.filter((text) => /other gates/.test(text)), []);
    await world.start({}, [], shared());
    assert.equal(warnings.filter((text) => /other gates of type 'Gate'.*give them a shared store/.test(text)).length, 1);
  });

  it('refuses values that would be taken for others', async () => {
    for (const options of [{ onDuplicate: 'refused' }, { handlers: 'all' }, { ordering: 'nothing' }, { keepMs: Infinity }, { keepMs: -1 }, { timeoutMs: '5s' }, { trustedProxies: ['10.0.0.0/8'] }]) {
      const [[name, value]] = Object.entries(options) as [[string, unknown]];
      await assert.rejects(world.start(options as GateOptions), (error: BootError) => error.reason === 'GATE_OPTIONS' && error.message.includes(name) && error.message.includes(String(value)));
    }
  });

  it('auth by token, and one login of a user: CONNACK says which', async () => {
    const tokens: Record<string, string> = { t1: 'mia', t2: 'leo' };
    const { port } = await world.start({ onDuplicate: 'refuse', auth: ({ password }) => (password && Object.hasOwn(tokens, Buffer.from(password).toString()) ? { userId: tokens[Buffer.from(password).toString()]! } : undefined) });
    const hello = (password: string) => ({ username: 'token', password });
    assert.deepEqual([await knock(world, port, hello('t1')), await knock(world, port, hello('wrong')), await knock(world, port, {}), await knock(world, port, hello('t1')), await knock(world, port, hello('t2'))], [0, 4, 4, 5, 0]);
  });

  it('limits: connections of one address, and in all', async () => {
    const { port } = await world.start({ limits: { connectionsPerAddress: 2 } });
    const first = await world.enter(port);
    await world.enter(port);
    await (await world.open(port)).closed;
    first.lose();
    // It is free when the gate has seen that.
    for (;;) {
      const code = await knock(world, port, {}).catch(() => undefined);
      if (code === 0) break;
    }
  });

  it('createAgent: a protocol of lines, whose faults end its own connection only', async () => {
    /** `name` first, then `topic body`; answers come as `topic body`. */
    class LineAgent extends ConnectionAgent {
      push({ topic, body }: PushMessage): void {
        this.connection.write(Buffer.from(`${topic} ${Buffer.from(body).toString()}\n`));
      }

      protected override onData(chunk: Uint8Array): void {
        const [first = '', rest = ''] = Buffer.from(chunk).toString().trim().split(' ');
        if (first === 'crash') throw new Error('a mistake of this agent');
        this.seen();
        if (this.stage === 'open') return this.host.receive({ topic: first, body: Buffer.from(rest), qos: 0, retain: false }, () => {});
        this.stage = 'admitting';
        void this.host.admit({ clientId: first, clean: true }).then(() => {
          this.opened(Infinity);
          this.host.ready();
          this.connection.write(Buffer.from('in\n'));
        });
      }
    }
    const { port } = await world.start({ createAgent: (connection, host, settings) => new LineAgent(connection, host, settings, systemClock) }, [Shop]);
    const lines = async (name: string): Promise<{ say(text: string): Promise<string>; closed: Promise<unknown>; socket: Socket }> => {
      const socket = connect({ port, host: '127.0.0.1' });
      const say = async (text: string) => (socket.write(text), String((await once(socket, 'data'))[0]));
      assert.equal(await say(name), 'in\n');
      return { say, closed: once(socket, 'close'), socket };
    };
    const [good, bad] = [await lines('good'), await lines('bad')];
    bad.socket.write('crash');
    await bad.closed;
    assert.match(await good.say('shop/HD_wait/1 {"name":"x"}'), /^shop\/HD_wait\/1 .*"Error":"","Result":"x"/);
    good.socket.destroy();
  });

  it('envelope: the body of an answer, and of an error', async () => {
    const { port } = await world.start({ envelope: (session, result, error) => Buffer.from(`<${session.userId}|${String(result)}|${error}>`), auth: () => ({ userId: 'mia' }) }, [Shop]);
    const wire = await world.enter(port);
    const answerTo = async (topic: string): Promise<string> => {
      wire.send({ cmd: 'publish', topic, payload: '{"name":"x"}', qos: 0 });
      return String(((await wire.next()) as unknown as { payload: Buffer }).payload);
    };
    assert.equal(await answerTo('shop/HD_wait/1'), '<mia|x|>');
    assert.match(await answerTo('shop/HD_none/2'), /^<mia\|null\|.*HD_none.*>$/);
  });

  it("limits.slowClient 'drop': a client that does not read loses pushes of QoS 0, and stays", async () => {
    @RpcModule({ type: 'news' })
    class News {
      constructor(@InjectGates() readonly gates: Gates) {}
    }
    const limits = { outboundBytes: 65_536, slowClient: 'drop' } as const;
    const { app, port } = await world.start({ limits, auth: () => ({ userId: 'mia' }) }, [Shop, News]);
    const { gates } = app.get(News);
    const wire = await world.enter(port);
    wire.socket.pause();
    const body = 'x'.repeat(60_000);
    let sent = 0;
    // The kernel takes some megabytes first.
    for (let taken = 1; taken > 0; sent++) {
      taken = await gates.pushToUser('mia', 'news', body);
      assert.ok(sent < 5000, 'nothing is dropped');
    }
    wire.socket.resume();
    assert.equal((await ask(wire, 'shop/HD_wait/1', { name: 'x' })).Result, 'x');
  });
});
