import assert from 'node:assert/strict';
import { it } from 'node:test';
import { consul, grpcRecord } from '../../lib/registry/consul/index.js';
import { eventually, figure, isSoak, lasts } from '../fault/rig.js';
import { describeWith, startConsul } from '../services/index.js';

/** Consul takes less than a minute for a minute and looks every half. */
const REAPED_WITHIN_MS = 100_000;

describeWith('Consul reaps the dead', ['consul'], () => {
  it('a service whose gRPC check stays critical is forgotten when its record says so, and not before', async () => {
    const server = await startConsul();
    const registry = consul({ addr: server.url, env: {}, record: grpcRecord({ intervalMs: 1000, deregisterAfterMs: 60_000 }) });
    const known = async () => ((await (await fetch(`${server.url}/v1/health/service/dead`)).json()) as { Checks: { Status: string; CheckID: string }[] }[]);
    try {
      // Nobody listens there, as after a kill -9.
      await registry.register({ id: 'dead@1', type: 'dead', version: '1', address: 'x', metadata: { 'anthill.grpc': '127.0.0.1:1' } }, { ttlMs: 20_000, intervalMs: 10_000 });
      await eventually('the check to turn critical', 5000, async () => (await known())[0]!.Checks.some(({ CheckID, Status }) => CheckID.startsWith('service:') && Status === 'critical'));
      assert.deepEqual((await registry.get('dead')).nodes, [], 'callers have lost it already');
      // Its guard must not put it back: it closes, as the process that died did.
      await registry.close();
      await lasts(isSoak ? 30_000 : 2000);
      assert.equal((await known()).length, 1, 'it is critical, not gone');
      if (isSoak) figure(`reaped ${(30 + (await eventually('the reaper', REAPED_WITHIN_MS, async () => (await known()).length === 0)) / 1000).toFixed(0)} s after it turned critical`);
    } finally {
      await registry.close();
      await server.stop();
    }
  });
});
