import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { consul, type ConsulOptions, consulWorkerIds } from '../../../lib/registry/consul/index.js';
import { resolveConsulOptions } from '../../../lib/registry/consul/consul.options.js';

describe('consul options', () => {
  it('reads addresses of every usual form', () => {
    const cases = [
      [undefined, 'http://127.0.0.1:8500/v1', '127.0.0.1:8500'],
      ['consul.local', 'http://consul.local:8500/v1', 'consul.local:8500'],
      ['10.1.1.1:18500', 'http://10.1.1.1:18500/v1', '10.1.1.1:18500'],
      [':8600', 'http://127.0.0.1:8600/v1', '127.0.0.1:8600'],
      ['host:80', 'http://host/v1', 'host'],
      ['http://host:8500/', 'http://host:8500/v1', 'host:8500'],
      ['https://host', 'https://host/v1', 'host'],
      ['https://host:8501/consul/', 'https://host:8501/consul/v1', 'host:8501'],
      ['http://user:secret@host:8500', 'http://user:secret@host:8500/v1', 'host:8500'],
      ['[::1]:8500', 'http://[::1]:8500/v1', '[::1]:8500'],
    ] as const;
    for (const [addr, baseUrl, address] of cases) {
      const options = resolveConsulOptions(addr === undefined ? {} : { addr });
      assert.deepEqual(options.addresses, [{ baseUrl, address }], `addr ${addr}`);
      assert.equal(options.address, address);
    }
  });

  it('takes several addresses, as a list or separated by commas', () => {
    for (const addr of [['a', 'https://b'], 'a, https://b', ['a,https://b', '']]) {
      const options = resolveConsulOptions({ addr });
      assert.deepEqual(options.addresses, [{ baseUrl: 'http://a:8500/v1', address: 'a:8500' }, { baseUrl: 'https://b/v1', address: 'b' }]);
      assert.equal(options.address, 'a:8500, b');
    }
  });

  it("lets hrpc's variables win over what code says, where they are set", () => {
    const written = { addr: 'code', token: 'code', datacenter: 'code' };
    const of = (env: Record<string, string>) => {
      const { address, token, datacenter } = resolveConsulOptions({ ...written, env });
      return [address, token, datacenter];
    };
    assert.deepEqual(of({ CONFIGS_ADDR: 'env:1,env:2', CONFIGS_TOKEN: 'env', CONFIGS_DATACENTER: 'env' }), ['env:1, env:2', 'env', 'env']);
    assert.deepEqual(of({ CONFIGS_ADDR: '', CONFIGS_TOKEN: '' }), ['code:8500', 'code', 'code']);
    assert.deepEqual(of({}), ['code:8500', 'code', 'code']);
  });

  it('refuses what cannot be meant, with what to write instead', () => {
    const cases: [object, RegExp][] = [
      [{ addr: 'http://' }, /addr is not "host:port"/],
      [{ addr: 'ftp://host' }, /only http and https/],
      [{ address: 'x' }, /unknown option "address" \(did you mean "addr"\?\)|unknown option "address"/],
      [{ tokn: 'x' }, /unknown option "tokn" \(did you mean "token"\?\)/],
      [{ timeoutMs: 0 }, /timeoutMs must be a number of at least 1, got 0/],
      [{ waitMs: 0 }, /waitMs must be a number of at least 1000/],
      [{ holdMs: Number.NaN }, /holdMs/],
    ];
    for (const [options, message] of cases) {
      assert.throws(() => consul(options as ConsulOptions), (error) => error instanceof BootError && error.reason === 'CONSUL_OPTIONS' && message.test(error.message), JSON.stringify(options));
    }
  });

  it('refuses worker ids that Consul cannot lease', () => {
    const cases: [object, RegExp][] = [
      [{ ttlMs: 5000 }, /ttlMs must be whole seconds, at least 10000 \(sessions of Consul are no shorter\), got 5000/],
      [{ ttlMs: 10_500 }, /whole seconds/],
      [{ prefix: '/' }, /prefix must name a folder/],
      [{ prefx: 'x' }, /unknown option "prefx" \(did you mean "prefix"\?\)/],
    ];
    for (const [options, message] of cases) assert.throws(() => consulWorkerIds(options), { reason: 'CONSUL_OPTIONS', message });
  });

  it('connects to nothing by itself, and says so', () => {
    assert.deepEqual(consul({ addr: '127.0.0.1:1' }).health(), { status: 'down', detail: 'consul at 127.0.0.1:1 was not asked yet' });
  });
});

describe('consul that is not there', () => {
  it('says where it looked and what to try, in errors and in health, and never the secrets', async () => {
    const registry = consul({ addr: 'http://user:hunter2@127.0.0.1:1', token: 'hunter2', timeoutMs: 2000 });
    const expected = /consul at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\); check that the agent runs/;
    for (const work of [() => registry.connect(), () => registry.get('x'), () => registry.list()]) {
      await assert.rejects(work, (error: Error) => expected.test(error.message) && !error.message.includes('hunter2'));
    }
    const { status, detail } = registry.health();
    assert.equal(status, 'down');
    assert.match(detail!, expected);
    assert.ok(!detail!.includes('hunter2'));
    await registry.close();
  });

  it('ends at once when the caller gives up, and works no more when closed', async () => {
    const registry = consul({ addr: '127.0.0.1:1' });
    await assert.rejects(registry.get('x', AbortSignal.abort(new Error('enough'))), /enough/);
    await registry.close();
    await assert.rejects(registry.get('x'), /the registry consul at 127\.0\.0\.1:1 is closed/);
    for await (const snapshot of registry.watch('x', new AbortController().signal)) assert.fail(`a closed registry watches nothing: ${JSON.stringify(snapshot)}`);
  });
});
