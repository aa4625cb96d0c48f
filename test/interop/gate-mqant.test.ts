import assert from 'node:assert/strict';
import { type EventEmitter, once as onceOf } from 'node:events';
import { after, afterEach, before, it } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import { connect } from '../../lib/client/index.js';
import { tcp as overTcp } from '../../lib/client/tcp/index.js';
import { GateModule, GatePart } from '../../lib/gateway/gate/index.js';
import { Handler, type RpcApplication, RpcFactory, RpcModule, Session } from '../../lib/index.js';
import { consul } from '../../lib/registry/consul/index.js';
import { nats } from '../../lib/transport/nats/index.js';
import { describeWith, freePorts, startConsul, startNats } from '../services/index.js';
import { GoPeer, type World } from './go-peer.js';

@RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ tcp: { host: '127.0.0.1', port: 0 } })] })
class OurGate {}

/** All that a backend does with a session. */
@RpcModule({ type: 'backend' })
class Backend {
  @Handler('HD_session', { concurrent: true })
  async session(@Session() session: Session, body: { user: string }) {
    const before = { network: session.network, guest: session.isGuest, server: session.serverId };
    await session.bind(body.user);
    const { userId } = session;
    await session.set('level', '3');
    await session.setBatch({ a: '1', b: '2' });
    await session.remove('a');
    await session.update();
    const connected = await session.isConnected(body.user);
    await session.send('ts/push', 'pushed');
    const count = await session.sendBatch([session.sessionId, '0000000000000000'], 'ts/batch', 'batched');
    const settings = { level: session.get('level'), a: session.get('a') ?? null, b: session.get('b') };
    await session.unbind();
    return { ...before, userId, settings, connected, count, after: session.userId };
  }

  @Handler('HD_close', { concurrent: true })
  async close(@Session() session: Session, _body: object) {
    await session.close();
    return null;
  }
}

const once = (emitter: unknown, event: string): Promise<unknown[]> => onceOf(emitter as EventEmitter, event);

describeWith('gates and backends of mqant and ours', ['nats-server', 'consul', 'go'], () => {
  let world: World;
  const clients: MqttClient[] = [];
  const apps: RpcApplication[] = [];
  const peers: GoPeer[] = [];

  before(async () => void (world = { nats: await startNats(), consul: await startConsul() }));
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
    await Promise.all([...apps.splice(0).map((app) => app.stop()), ...peers.splice(0).map((peer) => peer.stop())]);
  });
  after(() => Promise.all([world?.nats.stop(), world?.consul.stop()]));

  async function start(modules: Parameters<typeof RpcFactory.create>[0] extends { modules: infer M } ? M : never): Promise<RpcApplication> {
    const app = await RpcFactory.create({ modules, transport: nats({ servers: world.nats.url }), registry: consul({ addr: world.consul.url, env: {} }), logger: false, flags: false, env: {}, configFile: false, graceMs: 0 });
    apps.push(app);
    return app.start({ failFast: true });
  }

  async function client(port: number): Promise<MqttClient> {
    const connected = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4, reconnectPeriod: 0, keepalive: 20, clientId: 'c1' });
    clients.push(connected);
    return connected;
  }

  /** The answer, and the pushes that came before it or with it. */
  async function request(from: MqttClient, topic: string, body: string | Buffer, pushes: number): Promise<{ answer: { Error: string; Result: unknown }; pushed: [string, string][] }> {
    const pushed: [string, string][] = [];
    let answer: { Error: string; Result: unknown } | undefined;
    const done = new Promise<void>((resolve) => {
      const look = (at: string, payload: Buffer): void => {
        if (at === topic) answer = JSON.parse(payload.toString()) as typeof answer;
        else pushed.push([at, payload.toString()]);
        if (answer === undefined || pushed.length < pushes) return;
        from.off('message', look);
        resolve();
      };
      from.on('message', look);
    });
    from.publish(topic, body);
    await done;
    return { answer: answer!, pushed: pushed.sort() };
  }

  it('a backend in Go behind our gate', async () => {
    const app = await start([OurGate]);
    peers.push(await GoPeer.service(world, '-type', 'gobackend'));
    await app.rpc.nodes('gobackend');
    const connected = await client(app.get(GatePart).ports['tcp']!);
    const { answer, pushed } = await request(connected, 'gobackend/HD_session/1', '{"user":"mia"}', 3);
    assert.equal(answer.Error, '');
    const result = answer.Result as { server: string; settings: Record<string, string> };
    assert.match(result.server, /^Gate@[0-9a-f]{16}$/);
    assert.deepEqual(result, { network: 'tcp', guest: true, server: result.server, user: 'mia', settings: { level: '3', b: '2' }, connected: true, count: 1, after: '', failed: {} });
    assert.deepEqual(pushed, [['go/batch', 'batched'], ['go/push', 'pushed'], ['go/pushNR', 'pushed too']]);
    const { answer: bytes } = await request(connected, 'gobackend/HD_bytes/2', Buffer.from([0, 1]), 0);
    assert.equal(bytes.Result, Buffer.from('got \0\x01').toString('base64'));
    const { answer: failed } = await request(connected, 'gobackend/HD_fail/3', '{}', 0);
    assert.equal(failed.Error, 'go says no');
    // Functions that are not for clients are not found by topic.
    const { answer: none } = await request(connected, 'gobackend/HD_none/4', '{}', 0);
    assert.match(none.Error, /HD_none/);
  });

  it('our backend behind a gate of mqant', async () => {
    const [tcp = 0, ws = 0] = await freePorts(2);
    const { peer, id } = await GoPeer.gate(world, tcp, ws);
    peers.push(peer);
    await start([Backend]);
    const connected = await client(tcp);
    const { answer, pushed } = await request(connected, 'backend/HD_session/1', '{"user":"leo"}', 2);
    assert.deepEqual(answer.Error, '');
    assert.deepEqual(answer.Result, { network: 'tcp', guest: true, server: id, userId: 'leo', settings: { level: '3', a: null, b: '2' }, connected: true, count: 1, after: '' });
    assert.deepEqual(pushed, [['ts/batch', 'batched'], ['ts/push', 'pushed']]);
    // Our own client reaches a gate of mqant over TCP.
    const own = await connect({ url: `mqtt://127.0.0.1:${tcp}`, transport: overTcp() });
    const heard: unknown[] = [];
    own.on('ts/+', (body, topic) => heard.push([topic, body]));
    const told = await own.request<{ userId: string; network: string }>('backend/HD_session', { user: 'ann' });
    own.close();
    assert.deepEqual([told.userId, told.network], ['ann', 'tcp']);
    assert.deepEqual(heard.sort(), [['ts/batch', { base64: Buffer.from('batched').toString('base64') }], ['ts/push', { base64: Buffer.from('pushed').toString('base64') }]]);
    const closed = once(connected, 'close');
    connected.publish('backend/HD_close', '{}');
    await closed;
  });
});
