import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Client, GateSession, Handler, InjectClient, memoryRegistry, MemoryRegistryHub, memoryTransport, memoryTransportHub, type RpcApplication, RpcModule, Session, Trace } from '../../lib/index.js';
import { createTestingApp } from '../../lib/testing/index.js';

@RpcModule({ type: 'room' })
class Room {
  @Handler('/enter', { concurrent: true })
  enter(room: string, @Session() session: Session, seat: number) {
    return `${session.userId || 'guest'} in ${room} at ${seat}`;
  }
}

@RpcModule({ type: 'lobby' })
class Lobby {
  constructor(@InjectClient(Room) private readonly rooms: Client<Room>) {}

  @Handler('HD_login', { concurrent: true })
  async login(@Session() session: Session, body: { user: string }) {
    await session.bind(body.user);
    await session.send('welcome', { user: session.userId });
    return this.rooms.enter('hall', 7);
  }

  @Handler('HD_where', { concurrent: true })
  where(@Session() session: Session) {
    return { topic: session.topic, network: session.network, level: session.get('level') ?? null };
  }
}

/** As much of a gate's node as a session asks for. */
@RpcModule({ type: 'Gate', id: 'g1' })
class Gate {
  readonly sent: [string, string][] = [];

  @Handler('Bind', { concurrent: true })
  bind(_trace: unknown, sessionId: string, userId: string) {
    return GateSession.of({ ...state, sessionId, userId });
  }

  @Handler('Send', { concurrent: true })
  send(_trace: unknown, _sessionId: string, topic: string, body: Uint8Array) {
    this.sent.push([topic, Buffer.from(body).toString()]);
    return 'success';
  }
}

const state = { sessionId: '00000000000000aa', serverId: 'Gate@g1', userId: '', ip: '1.2.3.4:5', network: 'tcp', traceId: 'aa', spanId: 'bb', topic: 'lobby/HD_login/1', settings: { level: '3' } };

describe('@Session()', () => {
  const apps: RpcApplication[] = [];
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.stop()));
  });

  const start = async (wire: 'anthill/1' | 'mqant' | 'local') => {
    const [transport, registry] = [memoryTransportHub(), new MemoryRegistryHub()];
    const open = async (modules: Parameters<typeof createTestingApp>[0]['modules']) => {
      const app = await createTestingApp({ modules, transport: memoryTransport(transport), registry: memoryRegistry(registry), ...(wire !== 'local' && { wires: [wire] }) });
      apps.push(app);
      return app;
    };
    if (wire === 'local') {
      const app = await open([Room, Lobby, Gate]);
      return { caller: app, gate: app };
    }
    const gate = await open([Gate]);
    await open([Room]);
    await open([Lobby]);
    return { caller: gate, gate };
  };

  for (const wire of ['local', 'anthill/1', 'mqant'] as const) {
    it(`${wire}: arrives alive, changes the gate, and goes on through typed clients`, async () => {
      const { caller, gate } = await start(wire);
      const answer = await caller.rpc.call('lobby', 'HD_login', [GateSession.of(state), { user: 'mia' }]);
      // The typed call passes the session on as it is by then.
      assert.equal(answer, 'mia in hall at 7');
      assert.deepEqual(gate.get(Gate).sent, [['welcome', '{"user":"mia"}']]);
      assert.deepEqual(await caller.rpc.call('lobby', 'HD_where', [GateSession.of(state)]), { topic: 'lobby/HD_login/1', network: 'tcp', level: '3' });
    });

    it(`${wire}: is an empty one where a caller outside of a gate has none`, async () => {
      const { caller } = await start(wire);
      assert.equal(await caller.rpc.call('room', '/enter', ['hall', null, 1]), 'guest in hall at 1');
      await assert.rejects(caller.rpc.call('lobby', 'HD_login', [null, { user: 'x' }]), { code: wire === 'mqant' ? 'UNKNOWN' : 'FAILED_PRECONDITION' });
    });
  }

  it('refuses what is no session', async () => {
    const { caller } = await start('anthill/1');
    await assert.rejects(caller.rpc.call('lobby', 'HD_where', ['x']), { reason: 'ARGUMENT_TYPE' });
    await assert.rejects(caller.rpc.call('lobby', 'HD_where', [new Trace('a', 'b')]), { reason: 'ARGUMENT_TYPE' });
  });
});
