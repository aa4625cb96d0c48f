import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { assertAllWell, GrpcLoad, type GrpcRecordOfCall, GrpcWorker } from '../fault/grpc-rig.js';
import { addrOf, eventually, faultRig, figure, isSoak } from '../fault/rig.js';
import { describeWith } from '../services/index.js';

/** Each restarts all three nodes, one after the other. */
const rounds = isSoak ? 20 : 1;

describeWith('rolling restarts of nodes that speak gRPC', ['consul'], () => {
  const rig = faultRig();
  let workers: GrpcWorker[] = [];
  afterEach(async () => {
    for (const worker of workers) await worker.end('SIGKILL');
  });

  it(`${rounds} of three, under load: no call fails (F13)`, async () => {
    const address = addrOf(await rig.consul());
    workers = await Promise.all([1, 2, 3].map(() => GrpcWorker.start(address)));
    const load = await GrpcLoad.start(address);
    let total = 0;
    let restarts = 0;
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < workers.length; i++) {
        assert.equal(await workers[i]!.end('SIGTERM'), 0);
        workers[i] = await GrpcWorker.start(address);
        const seen: GrpcRecordOfCall[] = [];
        await eventually('calls at the new one', 10_000, () => {
          seen.push(...load.take());
          return seen.some(({ node }) => node === workers[i]!.id);
        });
        assertAllWell(seen, `restart ${restarts + 1}`);
        total += seen.length;
        restarts++;
      }
    }
    const rest = await load.stop();
    assertAllWell(rest, 'after the last restart');
    figure(`gRPC rolling restarts: 0 of ${total + rest.length} calls failed over ${restarts} restarts`);
    assert.equal(restarts, rounds * 3);
  });
});
