import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeWith } from '../services/index.js';
import { addrOf, faultRig, figure, healthyIn, lasts, assertNoFailures } from './rig.js';

describeWith('two nodes of one id', ['nats-server', 'consul'], () => {
  const rig = faultRig();

  it('the second refuses to start, naming both; the first serves on (F09)', async () => {
    const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
    const plan = { nats: nats.url, consul: addrOf(consul), services: ['echo'], nodeId: 'one' };
    const [caller, first] = await Promise.all([rig.start({ ...plan, name: 'caller', services: [] }), rig.start({ ...plan, name: 'first' })]);
    await caller.load({ target: 'echo', perSecond: 100, calls: [['/echo', 'x']] });
    const second = rig.spawn({ ...plan, name: 'second' });
    const message = await second.failure();
    const [node] = await caller.ask({ do: 'nodes', type: 'echo' });
    const address = node!.metadata['anthill.process']!;
    assert.match(message, /node echo@one runs already/);
    assert.ok(message.includes(address), `${address} is not in: ${message}`);
    assert.ok(message.includes(`pid ${first.pid}`), message);
    assert.equal(message.match(/anthill\.process\.\w+/g)?.length, 2, message);
    await second.exited;
    await lasts(500);
    assertNoFailures(await caller.ask({ do: 'unload' }), 'while the second tried');
    assert.deepEqual(await healthyIn(consul, 'echo'), ['echo@one']);
    const [still] = await caller.ask({ do: 'nodes', type: 'echo' });
    assert.equal(still!.metadata['anthill.process'], address);
    figure(`a second node of one id says: ${message}`);
  });

  it('takes the place of a dead one at once, as after a crash', async () => {
    const [nats, consul] = await Promise.all([rig.nats(), rig.consul()]);
    const plan = { nats: nats.url, consul: addrOf(consul), services: ['echo'], nodeId: 'one' };
    const first = await rig.start({ ...plan, name: 'first' });
    first.kill('SIGKILL');
    await first.exited;
    assert.deepEqual(await healthyIn(consul, 'echo'), ['echo@one']);
    const second = await rig.start({ ...plan, name: 'second' });
    const [node] = await second.ask({ do: 'nodes', type: 'echo' });
    assert.equal(node!.metadata['pid'], String(second.pid));
  });
});
