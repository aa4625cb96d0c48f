import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { silentLogger } from '../../../lib/common/logger.js';
import { Availability } from '../../../lib/database/server/availability.js';
import { SideLine } from '../../../lib/database/server/side-line.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

function rig() {
  const clock = new FakeClock();
  const state = { failure: undefined as Error | undefined, probes: 0, recovered: 0 };
  const availability = new Availability({
    database: 'main',
    probe: async () => {
      state.probes++;
      if (state.failure) throw state.failure;
    },
    isAlive: (error) => (error as Error).message === 'full',
    recovered: () => state.recovered++,
    clock,
    random: { next: () => 1, hex: () => '' },
    logger: silentLogger,
  });
  availability.open();
  return { clock, state, availability };
}

describe('whether a database is there', () => {
  it('is not asked while statements have answers, and every 5 s otherwise', async () => {
    const { clock, state, availability } = rig();
    await clock.advance(4000);
    availability.answered(clock.now());
    await clock.advance(1000);
    assert.equal(state.probes, 0);
    await clock.advance(5000);
    assert.equal(state.probes, 1);
    assert.equal(availability.health().status, 'up');
  });

  it('is asked at once on a suspicion; while it is away statements fail, and it is asked again and again', async () => {
    const { clock, state, availability } = rig();
    availability.suspect();
    availability.suspect();
    await turn();
    assert.equal(state.probes, 1, 'one suspicion at a time');
    availability.refuse();
    state.failure = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    availability.suspect();
    await turn();
    assert.deepEqual(availability.health(), { status: 'down', detail: 'connect ECONNREFUSED' });
    assert.throws(() => availability.refuse(), { reason: 'DATABASE_DOWN', code: 'UNAVAILABLE' });
    const before = state.probes;
    for (let i = 0; i < 10; i++) {
      await clock.advance(1000);
      await turn();
    }
    assert.ok(state.probes - before >= 10 && state.probes - before < 20, `${state.probes - before} probes in 10 s`);
    state.failure = undefined;
    await clock.advance(1000);
    await turn();
    assert.deepEqual([availability.health().status, state.recovered], ['up', 1]);
    availability.refuse();
  });

  it('a server that has no room for the probe is there', async () => {
    const { state, availability } = rig();
    state.failure = new Error('full');
    availability.suspect();
    await turn();
    assert.equal(availability.health().status, 'up');
  });

  it('is asked no more when it is closed', async () => {
    const { clock, state, availability } = rig();
    availability.close();
    availability.suspect();
    await clock.advance(60_000);
    assert.equal(state.probes, 0);
  });
});

describe('the side line to a server', () => {
  it('shares one connection among all that is due, and goes on after an answer that is an error', async () => {
    const said: string[] = [];
    let opened = 0;
    const line = new SideLine(
      async () => {
        opened++;
        const query = async (sql: string): Promise<void> => {
          said.push(sql);
          if (sql === 'b') throw Object.assign(new Error('no such session'), { sqlState: 'HY000' });
        };
        return { query, destroy: () => said.push('bye') };
      },
      (work) => work,
    );
    const results = await Promise.allSettled(['a', 'b', 'c'].map((sql) => line.run(sql)));
    assert.equal(opened, 1);
    assert.deepEqual(said.slice(0, 3), ['a', 'b', 'c']);
    assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
    await turn();
    await line.run('d');
    assert.equal(opened, 2);
  });

  it('fails all that waits when nobody is there', async () => {
    const line = new SideLine(() => Promise.reject(new Error('ECONNREFUSED')), (work) => work);
    const results = await Promise.allSettled(['a', 'b'].map((sql) => line.run(sql)));
    assert.deepEqual(results.map(({ status }) => status), ['rejected', 'rejected']);
  });
});
