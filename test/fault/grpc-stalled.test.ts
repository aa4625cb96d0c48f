import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { describeWith } from '../services/index.js';
import { assertAllWell, GrpcLoad, type GrpcRecordOfCall, GrpcWorker } from './grpc-rig.js';
import { addrOf, eventually, faultRig, figure, lasts } from './rig.js';

const concurrency = 8;
const stalledMs = 9000;
const timeoutMs = 2000;
/** The first failures are known, and the node is out. */
const settledMs = timeoutMs + 1500;
/** Consul asks every 10 s: for some seconds nobody but its callers can know that a node has stalled. */
const discovery = { outlierDetection: { consecutiveFailures: 3, baseEjectionMs: 2000, maxEjectionMs: 4000 } };

describeWith('a node that speaks gRPC stalls', ['consul'], () => {
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

  it('SIGSTOP of one of three: calls end at their deadline, it is ejected, and used again after SIGCONT (F02)', async () => {
    const address = addrOf(await rig.consul());
    const [victim] = await Promise.all([start(address), start(address), start(address)]);
    const load = await GrpcLoad.start(address, { concurrency, options: { timeoutMs }, discovery });
    await eventually('calls at all three', 10_000, () => new Set(load.take().map(({ node }) => node)).size === 3);

    const stoppedAt = victim!.send('SIGSTOP');
    await lasts(stalledMs);
    const resumedAt = victim!.send('SIGCONT');
    const during = load.take();
    const after: GrpcRecordOfCall[] = [];
    const backMs = await eventually('traffic at the node again', 40_000, () => {
      after.push(...load.take());
      return after.some(({ node, at, error }) => node === victim!.id && at > resumedAt && error === undefined);
    });
    after.push(...(await load.stop()));

    const failed = [...during, ...after].filter(({ error }) => error !== undefined);
    const late = failed.filter(({ at }) => at > stoppedAt + settledMs);
    const longest = Math.max(...during.map(({ ms }) => ms));
    figure(`gRPC SIGSTOP of one of three for ${stalledMs} ms: ${failed.length} of ${during.length + after.length} calls failed, ${late.length} of them later than ${settledMs} ms after it; the longest took ${longest.toFixed(0)} ms; traffic again ${backMs.toFixed(0)} ms after SIGCONT`);
    for (const { error } of failed) assert.equal(error!.code, 'DEADLINE_EXCEEDED', error!.message);
    // Where the machine is busy, a call to another one may be late, too.
    assert.ok(failed.filter(({ node }) => node !== victim!.id).length <= 5, 'calls to the others failed');
    // Nobody hangs: a call that waits for it ends by its own clock.
    assert.ok(longest < timeoutMs + 2000, `${longest} ms`);
    assert.ok(failed.length - late.length <= 3 * concurrency, `${failed.length - late.length} failed before it was ejected`);
    // One call each time that an ejection is over.
    assert.ok(late.length <= 8, `${late.length} failed after it was ejected`);
    assert.ok(during.filter(({ at, error }) => at > stoppedAt + settledMs && error === undefined).length > 200, 'the others serve meanwhile');
  });

  it('before anybody has a connection to it: that costs its callers time, and no call', async () => {
    const address = addrOf(await rig.consul());
    const [victim] = await Promise.all([start(address), start(address)]);
    victim!.send('SIGSTOP');
    const load = await GrpcLoad.start(address, { concurrency, options: { timeoutMs: 30_000 } });
    await lasts(5000);
    const records = await load.stop();
    assertAllWell(records, 'with one that accepts connections and says nothing');
    assert.ok(records.length > 100, `${records.length} calls`);
    assert.ok(records.every(({ node }) => node !== victim!.id));
  });
});
