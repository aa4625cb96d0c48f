import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { describeWith } from '../services/index.js';
import { assertAllWell, GrpcLoad, GrpcWorker } from './grpc-rig.js';
import { addrOf, eventually, faultRig, figure, lasts } from './rig.js';

const concurrency = 16;

describeWith('nodes that speak gRPC', ['consul'], () => {
  const rig = faultRig();
  const workers: GrpcWorker[] = [];
  const start = async (address: string): Promise<GrpcWorker> => {
    const worker = await GrpcWorker.start(address);
    workers.push(worker);
    return worker;
  };
  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.end('SIGKILL');
  });

  for (const idempotent of [false, true]) {
    it(`kill -9 of one of three costs ${idempotent ? 'nothing where calls are idempotent' : 'at most the calls in flight to it'} (F01)`, async () => {
      const address = addrOf(await rig.consul());
      const [victim] = await Promise.all([start(address), start(address), start(address)]);
      const load = await GrpcLoad.start(address, { concurrency, options: { idempotent } });
      await eventually('calls at all three', 10_000, () => new Set(load.take().map(({ node }) => node)).size === 3);
      await lasts(300);
      assertAllWell(load.take(), 'before the kill');
      const killedAt = performance.now();
      await victim!.end('SIGKILL');
      await lasts(3000);
      const records = await load.stop();
      const failed = records.filter(({ error }) => error !== undefined);
      figure(`gRPC kill -9, ${idempotent ? '' : 'not '}idempotent: ${failed.length} of ${records.length} calls failed`);
      assert.ok(records.length > 200, `${records.length} calls`);
      assert.ok(failed.length <= (idempotent ? 0 : concurrency), `${failed.length} failed`);
      for (const { error, node, at } of failed) {
        assert.deepEqual([error!.reason, error!.undelivered, node], ['NODE_UNREACHABLE', false, victim!.id]);
        assert.ok(at < killedAt + 500, `a call that began ${Math.round(at - killedAt)} ms after the kill failed`);
      }
    });
  }

  it('a new node is called within a second of its start', async () => {
    const address = addrOf(await rig.consul());
    await start(address);
    const load = await GrpcLoad.start(address, { concurrency: 4 });
    await eventually('calls', 10_000, () => load.take().length > 0);
    const fresh = await start(address);
    const readyAt = performance.now();
    const foundMs = await eventually('a call to the new node', 5000, () => load.take().some(({ node }) => node === fresh.id));
    const waited = performance.now() - readyAt;
    assertAllWell(await load.stop(), 'all the time');
    figure(`gRPC: a new node was called ${foundMs.toFixed(0)} ms after it was ready`);
    assert.ok(waited < 1000, `${waited} ms`);
  });
});
