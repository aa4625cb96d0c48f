import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { AppOptions } from '../../lib/bootstrap/app-options.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import { RpcContext } from '../../lib/common/call-context.js';
import type { OutcomeError } from '../../lib/common/selection.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { memory as memoryRegistry, MemoryHub } from '../../lib/registry/memory.registry.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../lib/transport/memory/memory.transport.js';

@RpcModule({ type: 'room' })
class Room {
  isBroken = false;

  @Handler('/where', { concurrent: true })
  where(@Ctx() { nodeId }: RpcContext): string {
    if (this.isBroken) throw new Error('no connection to the database');
    return nodeId.slice(5);
  }
}

@RpcModule({ type: 'desk' })
class Desk {}

/** Apps of one system, each told by its environment what it is. */
function system(t: TestContext) {
  const [hub, registry] = [memoryHub(), new MemoryHub()];
  return async (env: Record<string, string>, more: AppOptions & { modules?: (typeof Room | typeof Desk)[] } = {}): Promise<RpcApplication> => {
    const app = await RpcFactory.create({ modules: [], flags: false, configFile: false, logger: false, transport: memoryTransport(hub), registry: memoryRegistry(registry), env, ...more });
    t.after(() => app.stop());
    await app.start();
    return app;
  };
}

const rooms = (start: ReturnType<typeof system>, zones: Record<string, string>) =>
  Promise.all(Object.entries(zones).map(([id, zone]) => start({ ANTHILL_ZONE: zone, ANTHILL_MODULES__ROOM__NODE_ID: id }, { modules: [Room] })));

async function answers(app: RpcApplication, count = 30): Promise<string> {
  const seen = await Promise.all(Array.from({ length: count }, () => app.rpc.call<string>('room', '/where')));
  return [...new Set(seen)].sort().join('');
}

describe('discovery of an app', () => {
  it('prefers its zone when config says so, and serves from others when the zone is gone', async (t) => {
    const start = system(t);
    const [a] = await rooms(start, { a: 'east', b: 'west', c: 'west' });
    const caller = await start({ ANTHILL_ZONE: 'east', ANTHILL_SELECTOR: '{ "name": "prefer-zone", "selector": "round-robin" }' });
    assert.equal(await answers(caller), 'a');
    assert.equal((await caller.rpc.nodes('room')).map(({ metadata }) => metadata['zone']).join(), 'east,west,west');
    await a!.stop();
    assert.equal(await answers(caller), 'bc');
  });

  it('prefers the zone that its own nodes name, also when they name another while it runs', async (t) => {
    const start = system(t);
    await rooms(start, { a: 'east', b: 'west' });
    const selector = { ANTHILL_SELECTOR: '{ "name": "prefer-zone" }' };
    const configured = await start({ ...selector, ANTHILL_ZONE: 'east' }, { modules: [Desk] });
    const desk = configured.modules.get('desk')!;
    assert.equal(await answers(configured), 'a');
    await desk.setMetadata({ zone: 'west' });
    assert.equal(await answers(configured), 'b');
    await desk.setMetadata({ busy: 'yes' });
    assert.equal(await answers(configured), 'b');
    await desk.setMetadata({ zone: undefined });
    assert.equal(await answers(configured), 'a');
    const bare = await start(selector, { modules: [Desk] });
    assert.equal(await answers(bare), 'ab');
    await bare.modules.get('desk')!.setMetadata({ zone: 'west' });
    assert.equal(await answers(bare), 'b');
  });

  it('keeps a key on one node, in every process', async (t) => {
    const start = system(t);
    await rooms(start, { a: 'x', b: 'x', c: 'x', d: 'x' });
    const [one, other] = await Promise.all([start({ ANTHILL_SELECTOR: 'consistent-hash' }), start({ ANTHILL_SELECTOR: 'consistent-hash' })]);
    const used = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const options = { hashKey: `room-${i}` };
      const node = await one!.rpc.call<string>('room', '/where', [], options);
      assert.equal(await other!.rpc.call('room', '/where', [], options), node);
      assert.equal((await other!.rpc.explain('room', '/where', options)).choice?.id, `room@${node}`);
      used.add(node);
    }
    assert.equal(used.size, 4);
  });

  it('ejects a node whose calls fail one after the other, and explains it', async (t) => {
    const start = system(t);
    const [a] = await rooms(start, { a: 'x', b: 'x', c: 'x' });
    const caller = await start({ ANTHILL_SELECTOR: 'round-robin', ANTHILL_DISCOVERY__OUTLIER_DETECTION__CONSECUTIVE_FAILURES: '3' });
    a!.get(Room).isBroken = true;
    const errors: OutcomeError[] = [];
    for (let i = 0; i < 60; i++) await caller.rpc.call('room', '/where').catch((error: OutcomeError) => errors.push(error));
    assert.deepEqual(errors.map(({ reason }) => reason), Array<string>(3).fill('HANDLER_FAILED'));
    const { nodes } = await caller.rpc.explain('room', '/where');
    assert.deepEqual(nodes.map(({ node, candidate, against }) => [node.id, candidate, against.map(({ by }) => by).join()]), [['room@a', false, 'ejected'], ['room@b', true, ''], ['room@c', true, '']]);
  });

  it('refuses codes that do not exist', async (t) => {
    await assert.rejects(system(t)({ ANTHILL_DISCOVERY__OUTLIER_DETECTION__CODES: 'UNAVAILABLE,SLOW' }), { name: 'BootError', reason: 'SELECTOR_OPTIONS', message: /codes has SLOW/ });
  });
});
