import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { resolveEtcdOptions } from '../../../lib/registry/etcd/etcd.options.js';
import { etcd, type EtcdOptions } from '../../../lib/registry/etcd/index.js';

describe('etcd options', () => {
  it('have the defaults of mqant', () => {
    const { endpoints, prefix, timeoutMs, holdMs } = resolveEtcdOptions({});
    assert.deepEqual([endpoints, prefix, timeoutMs, holdMs], [['127.0.0.1:2379'], '/mqant-registry', 5000, 15_000]);
    assert.equal(resolveEtcdOptions({ prefix: '/micro/registry/' }).prefix, '/micro/registry');
  });

  it('refuse what cannot be meant, with what to write instead', () => {
    const cases: [object, RegExp][] = [
      [{ endpoint: 'a' }, /unknown option "endpoint" \(did you mean "endpoints"\?\)/],
      [{ addr: 'a' }, /unknown option "addr"/],
      [{ prefix: '/' }, /prefix is empty; all keys of etcd would be records/],
      [{ holdMs: -1 }, /holdMs must be a number of at least 0, got -1/],
      [{ endpoints: [] }, /endpoints is empty/],
    ];
    for (const [options, message] of cases) {
      assert.throws(() => etcd(options as EtcdOptions), (error) => error instanceof BootError && error.reason === 'ETCD_OPTIONS' && message.test(error.message), JSON.stringify(options));
    }
  });

  it('connect to nothing by themselves, and the registry says so', () => {
    assert.deepEqual(etcd({ endpoints: '127.0.0.1:1' }).health(), { status: 'down', detail: 'etcd at 127.0.0.1:1 was not asked yet' });
  });
});

describe('etcd that is not there', () => {
  it('is named in errors and in health with what to try, and never with the password', async () => {
    const logged: string[] = [];
    const logger = { ...console, debug: () => {}, info: () => {}, error: () => {}, warn: (message: string) => void logged.push(message) };
    const registry = etcd({ endpoints: '127.0.0.1:1', user: 'root', password: 'hunter2', timeoutMs: 2000, logger });
    const expected = /etcd at 127\.0\.0\.1:1 cannot be reached \(connect ECONNREFUSED 127\.0\.0\.1:1\); check that it runs/;
    for (const work of [() => registry.connect(), () => registry.get('x'), () => registry.list()]) {
      await assert.rejects(work, (error: Error) => expected.test(error.message) && !error.message.includes('hunter2'));
    }
    const { status, detail } = registry.health();
    assert.equal(status, 'down');
    assert.match(detail!, expected);
    assert.equal(logged.length, 1, 'the first failure of an outage is news, the next are not');
    assert.ok(!JSON.stringify([detail, logged]).includes('hunter2'));
    await registry.close();
  });

  it('is not waited for when the caller gives up, nor asked when the registry is closed', async () => {
    const registry = etcd({ endpoints: '127.0.0.1:1' });
    await assert.rejects(registry.get('x', AbortSignal.abort(new Error('enough'))), /enough/);
    assert.match(registry.health().detail!, /not asked yet/, 'giving up says nothing of etcd');
    await registry.close();
    await assert.rejects(registry.get('x'), /the registry etcd at 127\.0\.0\.1:1 is closed/);
    for await (const snapshot of registry.watch('x', new AbortController().signal)) assert.fail(`a closed registry watches nothing: ${JSON.stringify(snapshot)}`);
  });
});
