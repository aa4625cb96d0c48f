import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { Lane, type LaneJob } from '../../../lib/rpc/lane.js';
import { LaneTable } from '../../../lib/rpc/bound-handler.js';
import { descriptor, seeded } from './support.js';

class Job implements LaneJob {
  abandoned = false;
  started = 0;
  constructor(
    readonly name: number,
    private readonly onStart: (job: Job) => void = () => {},
  ) {}
  proceed(): void {
    this.started++;
    this.onStart(this);
  }
}

test('random schedules: never more than the limit, in arrival order, each job at most once, the bound is kept', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const limit = 1 + Math.floor(random() * 4);
    const bound = Math.floor(random() * 6);
    const lane = new Lane('l', limit, bound);
    const running: Job[] = [];
    const waiting: Job[] = [];
    const started: number[] = [];
    const entered: number[] = [];
    const forgotten = new Set<number>();
    const where = `seed ${seed}`;
    for (let i = 0; i < 200; i++) {
      const dice = random();
      if (dice < 0.5) {
        const job = new Job(i, (self) => {
          running.push(self);
          started.push(self.name);
          const at = waiting.indexOf(self);
          if (at >= 0) waiting.splice(at, 1);
        });
        const mustWait = running.length >= limit;
        const accepted = lane.enter(job);
        assert.equal(accepted, !mustWait || waiting.length < bound, `${where}: bound`);
        if (accepted) entered.push(i);
        if (accepted && job.started === 0) waiting.push(job);
      } else if (dice < 0.8 && running.length > 0) {
        running.splice(Math.floor(random() * running.length), 1);
        lane.leave();
      } else if (waiting.length > 0) {
        const [job] = waiting.splice(Math.floor(random() * waiting.length), 1);
        job!.abandoned = true;
        forgotten.add(job!.name);
        lane.forget();
      }
      assert.ok(running.length <= limit, `${where}: ${running.length} of ${limit}`);
      assert.equal(lane.active, running.length, where);
      assert.equal(lane.depth, waiting.length, where);
      assert.ok(waiting.length === 0 || running.length === limit, `${where}: somebody waits for nothing`);
    }
    for (; running.length > 0; lane.leave()) running.pop();
    const expected = entered.filter((name) => !forgotten.has(name));
    assert.deepEqual(started, expected, `${where}: arrival order`);
  }
});

test('a queue of bound 0 refuses the first call that would have to wait', () => {
  const lane = new Lane('l', 1, 0);
  assert.equal(lane.enter(new Job(1)), true);
  assert.equal(lane.enter(new Job(2)), false);
  lane.leave();
  assert.equal(lane.enter(new Job(3)), true);
});

test('a hundred thousand jobs that end at once need no stack', () => {
  const lane = new Lane('l', 1, Infinity);
  const order: number[] = [];
  lane.enter(new Job(-1));
  for (let i = 0; i < 100_000; i++) {
    lane.enter(
      new Job(i, (job) => {
        order.push(job.name);
        lane.leave();
      }),
    );
  }
  lane.leave();
  assert.equal(order.length, 100_000);
  assert.ok(order.every((name, i) => name === i));
  assert.equal(lane.active, 0);
});

test('jobs that give up behind one that holds the lane leave nothing behind', () => {
  const lane = new Lane('l', 1, 10);
  lane.enter(new Job(0));
  for (let i = 1; i <= 10_000; i++) {
    const job = new Job(i);
    assert.equal(lane.enter(job), true, 'the bound counts only those that still wait');
    job.abandoned = true;
    lane.forget();
  }
  assert.ok((lane as unknown as { queue: unknown[] }).queue.length < 200, 'given-up jobs are kept');
  const last = new Job(10_001);
  lane.enter(last);
  lane.leave();
  assert.equal(last.started, 1);
});

test('lanes of a node: one for all serial handlers, one per name, one per handler', () => {
  const table = new LaneTable('a@1', undefined);
  const lane = (path: string, options: object) => table.bind(descriptor(path, { run: () => 0, ...options })).lanes.map(({ name, limit }) => `${name} ${limit}`);
  assert.deepEqual(lane('/a', {}), ['serial 1']);
  assert.deepEqual(lane('/b', { concurrent: false }), ['serial 1']);
  assert.deepEqual(lane('/c', { lane: 'x' }), ['lane:x 1']);
  assert.deepEqual(lane('/d', { lane: 'x' }), ['lane:x 1']);
  assert.deepEqual(lane('/e', { lane: 'handler' }), ['handler:/e 1']);
  assert.deepEqual(lane('/f', { lane: 'handler' }), ['handler:/f 1']);
  assert.deepEqual(lane('/g', { concurrent: true }), []);
  assert.deepEqual(lane('/h', { concurrent: 3 }), ['limit:/h 3']);
  assert.deepEqual(lane('/i', { concurrent: 3, lane: 'y' }), ['lane:y 3']);
  assert.deepEqual(lane('/j', { concurrent: 3, lane: 'handler' }), ['handler:/j 3'], "'handler' is nobody else's lane");
});

test('a named lane "serial" or "node" is not the built-in one', () => {
  const table = new LaneTable('a@1', 5);
  const [own, cap] = table.bind(descriptor('/a', { run: () => 0, lane: 'node' })).lanes;
  assert.notEqual(own, cap);
  const [serial] = table.bind(descriptor('/b', { run: () => 0 })).lanes;
  const [named] = table.bind(descriptor('/c', { run: () => 0, lane: 'serial' })).lanes;
  assert.notEqual(serial, named);
});

for (const [what, options] of [
  ['concurrent: 0', { concurrent: 0 }],
  ['concurrent: 1.5', { concurrent: 1.5 }],
  ['concurrent: NaN', { concurrent: NaN }],
  ['concurrent: true with a lane', { concurrent: true, lane: 'x' }],
  ['a negative queue', { queue: -1 }],
  ['queue: NaN', { queue: NaN }],
] as const) {
  test(`${what} is a boot error that names the handler`, () => {
    assert.throws(
      () => new LaneTable('a@1', undefined).bind(descriptor('/a', { run: () => 0, ...options })),
      (error: unknown) => error instanceof BootError && error.message.includes('Test./a'),
    );
  });
}

test('two handlers that disagree on the width of their lane are a boot error', () => {
  const table = new LaneTable('a@1', undefined);
  table.bind(descriptor('/a', { run: () => 0, lane: 'x', concurrent: 2 }));
  assert.throws(() => table.bind(descriptor('/b', { run: () => 0, lane: 'x', concurrent: 3 })), /lane 'lane:x' with 3 at a time, another handler of it with 2/);
});
