import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, it } from 'node:test';
import mqttPacket from 'mqtt-packet';
import { WebSocket } from 'ws';
import { GatePart, Gates, type GateOptions, memoryGateStore } from '../../lib/gateway/gate/index.js';
import type { GateCore } from '../../lib/gateway/gate/gate-core.js';
import { Handler, RpcModule, Session } from '../../lib/index.js';
import { GateWorld } from './gate.support.js';

@RpcModule({ type: 'chat' })
class Chat {
  @Handler('HD_login', { concurrent: true })
  async login(@Session() session: Session, body: { user: string }) {
    await session.bind(body.user);
  }
}

/** A client of the JSON protocol, and all that came for it. */
class Page {
  readonly came: Record<string, unknown>[] = [];
  private constructor(readonly socket: WebSocket) {
    socket.on('error', () => {});
    socket.on('message', (text) => this.came.push(JSON.parse(String(text)) as Record<string, unknown>));
  }

  static async open(port: number, connect: object): Promise<Page> {
    const page = new Page(new WebSocket(`ws://127.0.0.1:${port}`, 'anthill.json'));
    await once(page.socket, 'open');
    page.say({ connect });
    return page;
  }

  static async enter(port: number, connect: object): Promise<Page> {
    const page = await Page.open(port, connect);
    await until(() => page.came.length > 0);
    assert.ok(page.came[0]!['connected'], JSON.stringify(page.came));
    return page;
  }

  get isResumed(): boolean {
    return (this.came[0]!['connected'] as { resumed: boolean }).resumed;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  async leave(): Promise<void> {
    this.socket.terminate();
    await once(this.socket, 'close');
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !isTrue(); await pause(5)) if (Date.now() > end) throw new Error(`still not: ${String(isTrue)}`);
}

/** Something that waits to be let on. */
function latch() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened, isReached: false, async pass() { this.isReached = true; await opened; } };
}

describe('a client that goes in the middle of something', () => {
  const world = new GateWorld();
  afterEach(() => world.close());

  async function start(options: GateOptions) {
    const { app, ports } = await world.start({ websocket: { host: '127.0.0.1', port: 0 }, auth: ({ username }) => ({ userId: username ?? '' }), ...options }, [Chat]);
    const { core } = app.get(GatePart) as unknown as { core: GateCore };
    return { core, ports, gates: new Gates(app.rpc, 'Gate') };
  }
  const mia = { clientId: 'phone', username: 'mia', clean: false };

  it('keeps what waits for it, when it goes while auth looks at it', async () => {
    const held = latch();
    let isSlow = false;
    const { core, ports, gates } = await start({ auth: async ({ username }) => { if (isSlow) await held.pass(); return { userId: username! }; } });
    await (await Page.enter(ports.websocket, mia)).leave();
    await until(() => core.size === 0);
    assert.equal(await gates.pushToUser('mia', 'inbox', { n: 1 }, { qos: 1 }), 1);
    isSlow = true;
    const gone = await Page.open(ports.websocket, mia);
    await until(() => held.isReached);
    await gone.leave();
    await until(() => core.size === 0);
    isSlow = false;
    const back = await Page.enter(ports.websocket, mia);
    held.open();
    await until(() => back.came.length > 1);
    assert.deepEqual([back.isResumed, back.came[1]!['body']], [true, { n: 1 }]);
    // And the late one does not end the connection of its successor.
    back.say({ ping: 1 });
    await until(() => back.came.some((message) => message['pong'] === 1));
    assert.equal(await gates.isOnline('mia'), true);
  });

  it('keeps what waits for it, when it goes while the store opens its session', async () => {
    const store = memoryGateStore();
    const held = latch();
    let isSlow = false;
    const open = store.open.bind(store);
    store.open = async (...given) => {
      const opened = await open(...given);
      if (isSlow) await held.pass();
      return opened;
    };
    const { core, ports, gates } = await start({ store });
    await (await Page.enter(ports.websocket, mia)).leave();
    await until(() => core.size === 0);
    assert.equal(await gates.pushToUser('mia', 'inbox', { n: 1 }, { qos: 1 }), 1);
    isSlow = true;
    const gone = await Page.open(ports.websocket, mia);
    await until(() => held.isReached);
    await gone.leave();
    await until(() => core.size === 0);
    isSlow = false;
    held.open();
    await pause(0);
    const back = await Page.enter(ports.websocket, mia);
    await until(() => back.came.length > 1);
    assert.deepEqual([back.isResumed, back.came[1]!['body']], [true, { n: 1 }]);
  });

  it('is no ghost, when it goes while its user is bound', async () => {
    const held = latch();
    const { core, ports, gates } = await start({ hooks: { storage: { query: async () => (await held.pass(), undefined), save: async () => {} } } });
    const gone = await Page.open(ports.websocket, { username: 'mia' });
    await until(() => held.isReached);
    await gone.leave();
    await until(() => core.size === 0);
    held.open();
    await until(() => core.table.size === 0);
    await pause(20);
    assert.equal(core.table.size, 0);
    assert.equal(await gates.isOnline('mia'), false);
  });

  it('is nobody any more, when it goes while a handler logs it in', async () => {
    const held = latch();
    const { core, ports } = await start({ hooks: { storage: { query: async () => (await held.pass(), undefined), save: async () => {} } } });
    const page = await Page.enter(ports.websocket, {});
    page.say({ topic: 'chat/HD_login/1', body: { user: 'leo' } });
    await until(() => held.isReached);
    await page.leave();
    await until(() => core.size === 0);
    held.open();
    await pause(20);
    assert.deepEqual([...core.table.ofUser('leo')], []);
  });

  it('has subscribed to nothing, when it says goodbye behind its SUBSCRIBE', async () => {
    const { core, ports } = await start({});
    const wire = await world.enter(ports.tcp);
    wire.socket.write(Buffer.concat([mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'news/#', qos: 0 }] }), mqttPacket.generate({ cmd: 'disconnect' })]));
    await wire.closed;
    await pause(20);
    assert.equal(core.publisher.topics.match('news/today').size, 0);
  });

  it('is one, when it comes twice at once', async () => {
    const held = latch();
    const { core, ports } = await start({ hooks: { storage: { query: async () => (await held.pass(), undefined), save: async () => {} } } });
    const pages = [await Page.open(ports.websocket, mia), await Page.open(ports.websocket, mia)];
    await until(() => held.isReached);
    await pause(50);
    held.open();
    await until(() => core.table.size === 1 && core.size === 1);
    await until(() => pages.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length === 1);
  });

  it('is not counted as kicked, when it is away', async () => {
    const { core, ports, gates } = await start({});
    await (await Page.enter(ports.websocket, mia)).leave();
    await until(() => core.size === 0);
    assert.equal(await gates.kick('mia'), 0);
  });
});

describe('sessions of others', () => {
  const world = new GateWorld();
  afterEach(() => world.close());

  for (const [who, thief] of [['a guest', { clientId: 'mia/phone', clean: false }], ['another user', { clientId: 'x/phone', username: 'mia', clean: false }]] as const) {
    it(`are out of the reach of ${who} whose client id contains their user`, async () => {
      const { app, ports } = await world.start({ websocket: { host: '127.0.0.1', port: 0 }, auth: ({ username }) => ({ userId: username ?? '' }) });
      const { core } = app.get(GatePart) as unknown as { core: GateCore };
      const gates = new Gates(app.rpc, 'Gate');
      const owner = { clientId: 'phone', username: who === 'a guest' ? 'mia' : 'mia/x', clean: false };
      await (await Page.enter(ports.websocket, owner)).leave();
      await until(() => core.size === 0);
      assert.equal(await gates.pushToUser(owner.username, 'inbox', { n: 1 }, { qos: 1 }), 1);
      const other = await Page.enter(ports.websocket, thief);
      assert.equal(other.isResumed, false);
      const back = await Page.enter(ports.websocket, owner);
      await until(() => back.came.length > 1);
      assert.deepEqual([back.isResumed, back.came[1]!['body']], [true, { n: 1 }]);
    });
  }
});

describe('a gate and its queues', () => {
  const world = new GateWorld();
  afterEach(() => world.close());

  async function start(options: GateOptions) {
    const { app, ports } = await world.start({ websocket: { host: '127.0.0.1', port: 0 }, auth: ({ username }) => ({ userId: username ?? '' }), ...options });
    const { core } = app.get(GatePart) as unknown as { core: GateCore };
    return { core, ports, gates: new Gates(app.rpc, 'Gate') };
  }
  const mia = { clientId: 'phone', username: 'mia', clean: false };

  it('forgets pushes that the hook `sending` holds back', async () => {
    const { ports, gates } = await start({ limits: { unacknowledged: 3 }, hooks: { sending: (_session, topic, body) => (topic === 'no' ? undefined : body) } });
    const page = await Page.enter(ports.websocket, mia);
    for (let i = 0; i < 5; i++) await gates.pushToUser('mia', 'no', {}, { qos: 1 });
    await gates.pushToUser('mia', 'yes', {}, { qos: 1 });
    await until(() => page.came.some(({ topic }) => topic === 'yes'));
  });

  it('sends a push that is larger than its queue to a client that comes back', async () => {
    const { core, ports, gates } = await start({ limits: { outboundBytes: 1000 } });
    await (await Page.enter(ports.websocket, mia)).leave();
    await until(() => core.size === 0);
    await gates.pushToUser('mia', 'inbox', 'x'.repeat(5000), { qos: 1 });
    const back = await Page.enter(ports.websocket, mia);
    await until(() => back.came.length > 1);
    assert.equal(back.came[1]!['topic'], 'inbox');
  });

  it('asks the store for nothing when a client acknowledges what it was not sent', async () => {
    const store = memoryGateStore();
    const acknowledge = store.acknowledge.bind(store);
    const ids: number[] = [];
    store.acknowledge = (sessionId, id) => {
      ids.push(id);
      return acknowledge(sessionId, id);
    };
    const { ports, gates } = await start({ store });
    const wire = await world.enter(ports.tcp, { username: 'mia' });
    wire.write('40020007'.repeat(1000) + '50020007'.repeat(10));
    assert.equal((await wire.flush()).length, 10);
    await gates.pushToUser('mia', 'inbox', {}, { qos: 1 });
    const { messageId } = (await wire.next()) as { messageId: number };
    for (let i = 0; i < 3; i++) wire.send({ cmd: 'puback', messageId });
    await wire.flush();
    assert.deepEqual(ids, [messageId]);
  });

  it('ends a client that asks and asks, and reads no answer', async () => {
    const { core, ports } = await start({ limits: { outboundBytes: 200_000 } });
    const wire = await world.enter(ports.tcp);
    wire.socket.pause();
    const pings = Buffer.from('c000'.repeat(32_000), 'hex');
    let isOver = false;
    for (let i = 0; i < 200 && !isOver; i++) {
      await new Promise<void>((resolve) => wire.socket.write(pings, () => resolve()));
      isOver = core.size === 0;
    }
    await until(() => core.size === 0);
  });

  it('ends a client that pings by WebSocket frames, and reads no answer', async () => {
    const { core, ports } = await start({ limits: { outboundBytes: 200_000 } });
    const page = await Page.enter(ports.websocket, {});
    page.socket.pause();
    const data = Buffer.alloc(120);
    for (let i = 0; i < 200 && core.size > 0; i++) {
      for (let n = 0; n < 499; n++) page.socket.ping(data);
      await new Promise<void>((resolve) => page.socket.ping(data, true, () => resolve()));
    }
    await until(() => core.size === 0);
  });
});
