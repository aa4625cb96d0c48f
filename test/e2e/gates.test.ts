import assert from 'node:assert/strict';
import { type EventEmitter, once as onceOf } from 'node:events';
import { after, afterEach, before, it } from 'node:test';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { Gates, GateModule, GatePart, InjectGates, redisGateStore } from '../../lib/gateway/gate/index.js';
import { Handler, memoryRegistry, MemoryRegistryHub, memoryTransport, memoryTransportHub, type RpcApplication, RpcModule, Session } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { Wire } from '../integration/mqtt-wire.js';
import { describeWith, startRedis, type RunningServer } from '../services/index.js';

@RpcModule({ type: 'room' })
class Room {
  constructor(@InjectGates() readonly gates: Gates) {}

  count = 0;

  @Handler('HD_count', { concurrent: true })
  add(@Session() _session: Session, _body: unknown) {
    this.count++;
  }

  @Handler('HD_enter', { concurrent: true })
  async enter(@Session() session: Session, body: { room: string }) {
    await this.gates.join(body.room, session.sessionId);
    return session.serverId;
  }
}

const once = (emitter: unknown, event: string): Promise<unknown[]> => onceOf(emitter as EventEmitter, event);

describeWith('two gates and a backend over Redis', ['redis-server'], () => {
  let redis: RunningServer;
  let count = 0;
  const apps: RpcApplication[] = [];
  const clients: MqttClient[] = [];
  before(async () => void (redis = await startRedis()));
  after(() => redis.stop());
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
    await Promise.all(apps.splice(0).map((app) => app.stop().catch(() => {})));
  });

  async function start() {
    const [transport, registry, prefix] = [memoryTransportHub(), new MemoryRegistryHub(), `gates${++count}`];
    const open = async (modules: Parameters<typeof createTestingApp>[0]['modules']) => {
      const app = await createTestingApp({ modules, transport: memoryTransport(transport), registry: memoryRegistry(registry) });
      apps.push(app);
      return app;
    };
    const gate = async (id: string) => {
      const options = { tcp: { host: '127.0.0.1', port: 0 }, auth: ({ username }: { username?: string }) => ({ userId: username ?? '' }), store: redisGateStore({ connection: { port: redis.port }, prefix }) };
      @RpcModule({ type: 'Gate', id, imports: [GateModule.forRoot(options)] })
      class Gate {}
      const app = await open([Gate]);
      return { app, port: app.get(GatePart).ports['tcp']! };
    };
    const [one, two] = [await gate('one'), await gate('two')];
    const room = (await open([Room])).get(Room);
    return { one, two, room, gates: room.gates };
  }

  const options = (username: string, clientId: string): IClientOptions => ({ protocolVersion: 4, reconnectPeriod: 0, username, clientId, clean: false });
  async function client(port: number, username: string, clientId = username): Promise<MqttClient> {
    const connected = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, options(username, clientId));
    clients.push(connected);
    return connected;
  }

  it('push to users and groups wherever they are', async () => {
    const { one, two, gates } = await start();
    const [mia, leo] = [await client(one.port, 'mia'), await client(two.port, 'leo')];
    for (const each of [mia, leo]) {
      const answer = once(each, 'message');
      each.publish('room/HD_enter/1', '{"room":"hall"}');
      assert.match(String((await answer)[1]), /"Error":"","Result":"Gate@(one|two)"/);
    }
    const both = [once(mia, 'message'), once(leo, 'message')];
    assert.equal(await gates.pushToGroup('hall', 'news', { text: 'hi' }), 2);
    for (const [topic, payload] of await Promise.all(both)) assert.deepEqual([topic, String(payload)], ['news', '{"text":"hi"}']);
    const direct = once(leo, 'message');
    assert.equal(await gates.pushToUser('leo', 'only', 'you', { qos: 1 }), 1);
    assert.deepEqual((await direct).slice(0, 2).map(String), ['only', 'you']);
    assert.deepEqual([await gates.isOnline('mia'), await gates.isOnline('nobody'), await gates.pushToUser('nobody', 't', 'x')], [true, false, 0]);
    const gone = once(mia, 'close');
    assert.equal(await gates.kick('mia'), 1);
    await gone;
  });

  it('carry subscriptions over', async () => {
    const { one, two, gates } = await start();
    const [mia, leo] = [await client(one.port, 'mia'), await client(two.port, 'leo')];
    await leo.subscribeAsync('score/#', { qos: 1 });
    const first = once(leo, 'message');
    await mia.publishAsync('score/1', 'three', { qos: 1 });
    assert.deepEqual((await first).slice(0, 2).map(String), ['score/1', 'three']);
    const second = once(leo, 'message');
    await gates.publish('score/2', 'four');
    assert.deepEqual((await second).slice(0, 2).map(String), ['score/2', 'four']);
  });

  it('let a client go on at the other gate, with what it has not acknowledged, under the same id', async () => {
    const { one, two, gates } = await start();
    const first = await client(one.port, 'mia', 'phone');
    await first.subscribeAsync('score/#', { qos: 1 });
    await first.endAsync();
    assert.equal(await gates.pushToUser('mia', 'inbox', 'while away', { qos: 1 }), 1);
    const second = mqtt.connect(`mqtt://127.0.0.1:${two.port}`, options('mia', 'phone'));
    clients.push(second);
    const [[connack], [topic, payload, packet]] = (await Promise.all([once(second, 'connect'), once(second, 'message')])) as [[{ sessionPresent: boolean }], [string, Buffer, { dup: boolean; messageId: number }]];
    assert.deepEqual([connack.sessionPresent, topic, String(payload), packet.dup, packet.messageId], [true, 'inbox', 'while away', false, 1]);
    const score = once(second, 'message');
    await gates.publish('score/9', 'x');
    assert.equal(String((await score)[0]), 'score/9');
    // It comes in at the first gate while the second still has it: taken over.
    const displaced = once(second, 'close');
    await client(one.port, 'mia', 'phone');
    await displaced;
  });

  it('handle a message of QoS 2 once, and go on with a push of QoS 2, when the client changes gates', async () => {
    const { one, two, room, gates } = await start();
    const hello = { username: 'mia', clientId: 'phone', clean: false };
    const message = { cmd: 'publish', topic: 'room/HD_count', payload: '', qos: 2, messageId: 9 };
    const first = (await Wire.enter(one.port, hello)).wire;
    first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'score', qos: 2 }] });
    await first.next();
    first.send(message);
    assert.equal((await first.next()).cmd, 'pubrec');
    const other = (await Wire.enter(two.port, { username: 'leo' })).wire;
    other.send({ cmd: 'publish', topic: 'score', payload: 'x', qos: 2, messageId: 5 });
    const push = await first.next();
    assert.deepEqual([push.cmd, push.messageId], ['publish', 1]);
    first.send({ cmd: 'pubrec', messageId: 1 });
    assert.equal((await first.next()).cmd, 'pubrel');
    await first.flush();
    first.lose();
    // It is away, and the other gate publishes: in its session before the publisher is told so.
    assert.equal(await gates.pushToUser('mia', 'inbox', 'hi', { qos: 1 }), 1);
    const { wire, sessionPresent } = await Wire.enter(two.port, hello);
    const came = [await wire.next(), await wire.next()].map(({ cmd, messageId }) => [cmd, messageId]);
    assert.deepEqual([sessionPresent, came], [true, [['pubrel', 1], ['publish', 2]]]);
    wire.send({ ...message, dup: true });
    assert.equal((await wire.next()).cmd, 'pubrec');
    wire.send({ cmd: 'pubrel', qos: 1, messageId: 9 });
    assert.equal((await wire.next()).cmd, 'pubcomp');
    assert.equal(room.count, 1);
    wire.send({ ...message, payload: 'another' });
    assert.equal((await wire.next()).cmd, 'pubrec');
    assert.equal(room.count, 2);
    for (const each of [wire, other]) each.lose();
  });
});
