import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentContext, RpcContext, runInContext } from '../../../lib/common/call-context.js';
import { rpcError } from '../../../lib/common/error-catalog.js';
import { SignalFan } from '../../../lib/rpc/signal-fan.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const make = (clock = new FakeClock(), deadlineAt = clock.now() + 1000): RpcContext => new RpcContext({ path: '/p', nodeId: 'a@1', caller: 'c', deadlineAt, wire: 'local' }, clock);

test('time left counts down to zero; the deadline is told in wall time, which a jump moves only for people', () => {
  const clock = new FakeClock(500, 1_000_000);
  const context = make(clock, 1500);
  assert.deepEqual([context.remainingMs(), context.deadline], [1000, 1_001_000]);
  clock.jumpWall(60_000);
  clock.advance(400);
  assert.deepEqual([context.remainingMs(), context.deadline], [600, 1_061_000]);
  clock.advance(5000);
  assert.equal(context.remainingMs(), 0);
  assert.equal(make(clock, Infinity).remainingMs(), Infinity);
});

test('abort: signal first, then who runs the handler, then the calls made; only the first reason counts', () => {
  const context = make();
  const order: string[] = [];
  context.signal.addEventListener('abort', () => order.push('signal'));
  context.execution = { aborted: () => order.push('execution') };
  context.adopt({ aborted: (error) => order.push(`child ${error.reason}`) });
  context.abort(rpcError('ABORTED_BY_CALLER', 'm'));
  context.abort(rpcError('DEADLINE_EXCEEDED', 'm'));
  assert.deepEqual(order, ['signal', 'execution', 'child ABORTED_BY_CALLER']);
  assert.equal(context.aborted, true);
  assert.equal((context.signal.reason as { reason: string }).reason, 'ABORTED_BY_CALLER');
});

test('a signal asked for after the abort is aborted, with the reason', () => {
  const context = make();
  context.throwIfAborted();
  context.onDeadline();
  assert.equal(context.signal.aborted, true);
  assert.throws(() => context.throwIfAborted(), { code: 'DEADLINE_EXCEEDED' });
});

test('a child that ends while the others are told, is told or not, but nobody is skipped', () => {
  const context = make();
  const told: number[] = [];
  const children = [0, 1, 2].map((n) => ({
    aborted: () => {
      told.push(n);
      context.children!.delete(children[(n + 1) % 3]!);
    },
  }));
  for (const child of children) context.adopt(child);
  context.abort(rpcError('ABORTED_BY_CALLER', 'm'));
  assert.deepEqual(told, [0, 1, 2]);
});

test('the current context follows the code that belongs to the call, and nothing else', async () => {
  const [a, b] = [make(), make()];
  const look = async (): Promise<boolean> => {
    const first = currentContext();
    await new Promise((resolve) => setImmediate(resolve));
    return first === currentContext();
  };
  assert.equal(currentContext(), undefined);
  const both = await Promise.all([runInContext(a, look), runInContext(b, look), runInContext(a, () => runInContext(b, currentContext) === b && currentContext() === a)]);
  assert.deepEqual(both, [true, true, true]);
  assert.equal(currentContext(), undefined);
});

test('lanes held: those of the chain and the own one, until the handler ends', () => {
  const up = { node: 'x@1', lane: 'serial', path: '/x' };
  const own = { node: 'a@1', lane: 'serial', path: '/p' };
  const context = new RpcContext({ path: '/p', nodeId: 'a@1', caller: 'c', deadlineAt: Infinity, chain: [up], wire: 'local' }, new FakeClock());
  assert.deepEqual(context.heldLanes(), [up]);
  context.held = own;
  assert.deepEqual(context.heldLanes(), [up, own]);
  context.end();
  assert.deepEqual([context.heldLanes(), context.ended], [[up], true]);
});

test('metadata nobody gave is empty, without prototype, and cannot be filled for others', () => {
  const { metadata } = make();
  assert.equal(Object.getPrototypeOf(metadata), null);
  assert.throws(() => ((metadata as Record<string, string>)['a'] = 'b'), TypeError);
});

test('SignalFan: one listener per signal, gone with its last member', () => {
  const fan = new SignalFan();
  const controller = new AbortController();
  let listeners = 0;
  const add = controller.signal.addEventListener.bind(controller.signal);
  const remove = controller.signal.removeEventListener.bind(controller.signal);
  controller.signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  controller.signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  const told: number[] = [];
  const members = Array.from({ length: 100 }, (_, n) => ({ signalled: () => (told.push(n), fan.remove(controller.signal, members[n]!)) }));
  for (const member of members) fan.add(controller.signal, member);
  assert.equal(listeners, 1);
  for (const member of members.slice(50)) fan.remove(controller.signal, member);
  fan.remove(controller.signal, members[99]!);
  fan.remove(AbortSignal.abort(), members[0]!);
  controller.abort();
  assert.deepEqual(told, Array.from({ length: 50 }, (_, n) => n));
  const other = new AbortController();
  fan.add(other.signal, members[0]!);
  fan.remove(other.signal, members[0]!);
  other.abort();
  assert.equal(told.length, 50);
});

test('SignalFan: a member that stays keeps the listener, so that those who come and go add none', () => {
  const fan = new SignalFan();
  const { signal } = new AbortController();
  let added = 0;
  const add = signal.addEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (added++, add(...args));
  fan.add(signal, { signalled() {} });
  for (let i = 0; i < 100; i++) {
    const member = { signalled() {} };
    fan.add(signal, member);
    fan.remove(signal, member);
  }
  assert.equal(added, 1);
});
