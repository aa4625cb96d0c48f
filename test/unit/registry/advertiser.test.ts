import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { Advertiser } from '../../../lib/registry/advertiser.js';
import type { Registrar, Registration } from '../../../lib/registry/registry.js';
import { FakeClock, sequence, settle } from './fake-clock.js';

const node = (id: string, metadata: Record<string, string> = {}): ServiceNode => ({ id: `a@${id}`, type: 'a', version: '1', address: id, metadata });

/** Writes down what it is asked, and answers as told: at once, with an error, or when released. */
class RecordingRegistrar implements Registrar {
  readonly log: string[] = [];
  readonly timings: Registration[] = [];
  mode: 'ok' | 'fail' | 'hang' = 'ok';
  running = 0;
  mostRunning = 0;
  release = () => {};

  constructor(private readonly clock: FakeClock) {}

  async register(target: ServiceNode, options: Registration, signal?: AbortSignal): Promise<void> {
    this.log.push(`${this.clock.now()} + ${target.address}${target.metadata['v'] ?? ''}`);
    this.timings.push(options);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    try {
      if (this.mode === 'fail') throw new Error('registry is away');
      if (this.mode === 'hang') {
        await new Promise<void>((resolve, reject) => {
          this.release = resolve;
          signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
      }
    } finally {
      this.running--;
    }
  }

  async deregister(target: ServiceNode): Promise<void> {
    this.log.push(`${this.clock.now()} - ${target.address}`);
    if (this.mode === 'fail') throw new Error('registry is away');
  }
}

function setUp() {
  const clock = new FakeClock();
  const registrar = new RecordingRegistrar(clock);
  return { clock, registrar, advertiser: new Advertiser(registrar, { clock, random: sequence(0.5) }) };
}

describe('advertiser', () => {
  it('registers at once and renews each node at its own interval', async () => {
    const { clock, registrar, advertiser } = setUp();
    await advertiser.advertise(node('x'));
    await advertiser.advertise(node('y'), { ttlMs: 9000, intervalMs: 3000 });
    await clock.advance(10_000);
    assert.deepEqual(registrar.log, ['0 + x', '0 + y', '3000 + y', '6000 + y', '9000 + y', '10000 + x']);
    assert.deepEqual(registrar.timings.slice(0, 2), [{ ttlMs: 20_000, intervalMs: 10_000 }, { ttlMs: 9000, intervalMs: 3000 }]);
    assert.deepEqual(advertiser.health(), { status: 'up' });
    await advertiser.withdrawAll();
  });

  it('tries on with growing pauses while the registry is away at start, and says so', async () => {
    const { clock, registrar, advertiser } = setUp();
    registrar.mode = 'fail';
    let registered = false;
    void advertiser.advertise(node('x')).then(() => (registered = true));
    await clock.advance(5000);
    assert.deepEqual(registrar.log, ['0 + x', '300 + x', '900 + x', '2100 + x', '4500 + x']);
    assert.equal(registered, false);
    assert.deepEqual(advertiser.report(), [{ node: node('x'), state: 'registering', failures: 5, error: 'registry is away' }]);
    assert.deepEqual(advertiser.health(), { status: 'down', detail: 'node a@x not registered: registry is away' });
    registrar.mode = 'ok';
    await clock.advance(5000);
    assert.equal(registered, true);
    assert.equal(advertiser.health().status, 'up');
    await advertiser.withdrawAll();
  });

  it('is down only when the TTL has passed since the last renewal', async () => {
    const { clock, registrar, advertiser } = setUp();
    await advertiser.advertise(node('x'));
    registrar.mode = 'fail';
    await clock.advance(15_000);
    assert.equal(advertiser.report()[0]!.state, 'failing');
    assert.equal(advertiser.health().status, 'up');
    await clock.advance(6000);
    assert.equal(advertiser.health().status, 'down');
    registrar.mode = 'ok';
    await clock.advance(5000);
    const [report] = advertiser.report();
    assert.equal(report!.state, 'registered');
    assert.equal(report!.error, undefined);
    await advertiser.withdrawAll();
  });

  it('never asks twice at a time, however slow the registry is', async () => {
    const { clock, registrar, advertiser } = setUp();
    await advertiser.advertise(node('x'), { ttlMs: 3000, intervalMs: 1000 });
    registrar.mode = 'hang';
    await clock.advance(30_000);
    assert.equal(registrar.mostRunning, 1);
    assert.equal(registrar.running, 1);
    assert.match(advertiser.report()[0]!.error!, /no answer from the registry within 8000 ms/);
    assert.ok(registrar.log.length <= 6, 'a try that gets no answer lasts its whole time');
    await advertiser.withdrawAll();
  });

  it('counts the interval from start to start, so that slow answers do not stretch it', async () => {
    const { clock, registrar, advertiser } = setUp();
    registrar.mode = 'hang';
    void advertiser.advertise(node('x'));
    await clock.advance(4000);
    registrar.release();
    registrar.mode = 'ok';
    await clock.advance(6000);
    assert.deepEqual(registrar.log, ['0 + x', '10000 + x']);
    await advertiser.withdrawAll();
  });

  it('publishes a change at once, also one that comes while a renewal runs', async () => {
    const { clock, registrar, advertiser } = setUp();
    await advertiser.advertise(node('x'));
    await clock.advance(1000);
    await advertiser.update(node('x', { v: '2' }));
    registrar.mode = 'hang';
    const third = advertiser.update(node('x', { v: '3' }));
    await settle();
    const fourth = advertiser.update(node('x', { v: '4' }));
    registrar.mode = 'ok';
    registrar.release();
    await Promise.all([third, fourth]);
    assert.deepEqual(registrar.log, ['0 + x', '1000 + x2', '1000 + x3', '1000 + x4']);
    await clock.advance(10_000);
    assert.equal(registrar.log.at(-1), '11000 + x4', 'the next renewal counts from the change');
    await advertiser.withdrawAll();
  });

  it('withdraws: nothing comes after the deregistration, not even a try in flight', async () => {
    const { clock, registrar, advertiser } = setUp();
    await advertiser.advertise(node('x'));
    registrar.mode = 'hang';
    await clock.advance(10_000);
    assert.equal(registrar.running, 1);
    await advertiser.withdraw('a@x');
    assert.equal(registrar.running, 0);
    await clock.advance(60_000);
    assert.deepEqual(registrar.log, ['0 + x', '10000 + x', '10000 - x']);
    assert.deepEqual(advertiser.report(), []);
    await advertiser.withdraw('a@x');
    assert.equal(clock.pending, 0);
  });

  it('tells a waiting caller when the node is withdrawn before it got in', async () => {
    const { clock, registrar, advertiser } = setUp();
    registrar.mode = 'fail';
    const waiting = advertiser.advertise(node('x'));
    await clock.advance(100);
    registrar.mode = 'ok';
    await advertiser.withdrawAll();
    await assert.rejects(waiting, /node a@x was withdrawn before the registry took it: registry is away/);
  });

  it('tries to take out all, and reports together what failed', async () => {
    const { registrar, advertiser } = setUp();
    await advertiser.advertise(node('x'));
    await advertiser.advertise(node('y'));
    registrar.mode = 'fail';
    await assert.rejects(advertiser.withdrawAll(), (error: AggregateError) => error.errors.length === 2 && /2 of 2 nodes/.test(error.message));
    assert.deepEqual(registrar.log.slice(2), ['0 - x', '0 - y']);
  });

  it('refuses times that cannot work, and a node twice', async () => {
    const { advertiser } = setUp();
    for (const timing of [{ ttlMs: 1000, intervalMs: 1000 }, { ttlMs: 0 }, { intervalMs: 30_000 }, { ttlMs: Infinity }, { intervalMs: -1 }]) {
      assert.throws(() => advertiser.advertise(node('x'), timing), (error) => error instanceof BootError && error.reason === 'REGISTRATION_OPTIONS', JSON.stringify(timing));
    }
    await advertiser.advertise(node('x'), { ttlMs: 5000 });
    assert.throws(() => advertiser.advertise(node('x')), /a@x is advertised already; use update/);
    assert.throws(() => advertiser.update(node('z')), /a@z is not advertised/);
    await advertiser.withdrawAll();
  });
});
