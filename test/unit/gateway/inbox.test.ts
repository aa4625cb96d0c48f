import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Doorkeeper, KeptGuests } from '../../../lib/gateway/gate/admission.js';
import { clientAddress } from '../../../lib/gateway/gate/listen/client-address.js';
import { Inbox } from '../../../lib/gateway/gate/inbox.js';
import { resolveGateOptions } from '../../../lib/gateway/gate/gate.options.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

describe('the inbox of a client', () => {
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

  it('handles one after the other, and refuses what is too much', async () => {
    const done: (() => void)[] = [];
    const begun: number[] = [];
    const inbox = new Inbox<number>({ laneOf: () => '', capacity: 2, perSecond: 1000 }, new FakeClock(), (message) => {
      begun.push(message);
      return new Promise((resolve) => done.push(resolve));
    }, () => {});
    assert.deepEqual([inbox.offer(1), inbox.offer(2), inbox.offer(3)], [true, true, false]);
    assert.deepEqual(begun, [1]);
    done.shift()!();
    await settled();
    assert.deepEqual(begun, [1, 2]);
    assert.equal(inbox.offer(4), true);
    inbox.close();
    done.shift()!();
    await settled();
    assert.deepEqual(begun, [1, 2]);
  });

  it('handles them at once where order does not count', () => {
    const begun: number[] = [];
    const inbox = new Inbox<number>({ laneOf: undefined, capacity: 2, perSecond: 1000 }, new FakeClock(), (message) => (begun.push(message), new Promise(() => {})), () => {});
    assert.deepEqual([inbox.offer(1), inbox.offer(2), inbox.offer(3), begun], [true, true, false, [1, 2]]);
  });

  it('says when nothing is under way any more', async () => {
    const done: (() => void)[] = [];
    const inbox = new Inbox<number>({ laneOf: () => '', capacity: 9, perSecond: 1000 }, new FakeClock(), () => new Promise((resolve) => done.push(resolve)), () => {});
    let isIdle = false;
    const look = () => void inbox.idle().then(() => (isIdle = true));
    look();
    await settled();
    assert.equal(isIdle, true);
    isIdle = false;
    inbox.offer(1);
    inbox.offer(2);
    look();
    done.shift()!();
    await settled();
    assert.equal(isIdle, false);
    done.shift()!();
    await settled();
    assert.equal(isIdle, true);
    // Whoever waits for a client that is gone waits for nothing.
    isIdle = false;
    inbox.offer(3);
    look();
    inbox.close();
    await settled();
    assert.equal(isIdle, true);
  });

  it('keeps the order of each lane, and lets lanes go on by themselves', async () => {
    const done = new Map<string, () => void>();
    const begun: string[] = [];
    const inbox = new Inbox<string>({ laneOf: (message) => message[0]!, capacity: 10, perSecond: 1000 }, new FakeClock(), (message) => {
      begun.push(message);
      return new Promise((resolve) => done.set(message, resolve));
    }, () => {});
    for (const message of ['a1', 'a2', 'b1', 'a3', 'b2']) inbox.offer(message);
    assert.deepEqual(begun, ['a1', 'b1']);
    done.get('b1')!();
    await settled();
    done.get('a1')!();
    await settled();
    assert.deepEqual(begun, ['a1', 'b1', 'b2', 'a2']);
  });

  it('takes what it must, and reads no more before there is room', async () => {
    const throttled: boolean[] = [];
    const done: (() => void)[] = [];
    const inbox = new Inbox<number>({ laneOf: () => '', capacity: 2, perSecond: 1000 }, new FakeClock(), () => new Promise((resolve) => done.push(resolve)), (on) => throttled.push(on));
    assert.deepEqual([inbox.offer(1, true), inbox.offer(2, true), inbox.offer(3), inbox.offer(4, true), inbox.offer(5, true)], [true, true, false, true, true]);
    assert.deepEqual(throttled, [true]);
    for (let i = 0; i < 2; i++) {
      done.shift()!();
      await settled();
    }
    assert.deepEqual(throttled, [true, false]);
  });

  it('keeps the order of what is done at once and of what takes longer', async () => {
    const begun: number[] = [];
    let finish = (): void => {};
    const inbox = new Inbox<number>({ laneOf: () => '', capacity: 1000, perSecond: 10_000 }, new FakeClock(), (message) => {
      begun.push(message);
      return message === 2 ? new Promise<void>((resolve) => (finish = resolve)) : undefined;
    }, () => {});
    for (let i = 1; i <= 500; i++) assert.equal(inbox.offer(i), true);
    assert.deepEqual(begun, [1, 2]);
    finish();
    await inbox.idle();
    assert.deepEqual(begun, Array.from({ length: 500 }, (_, i) => i + 1));
    inbox.offer(501);
    assert.equal(begun.at(-1), 501);
  });

  it('reads slower a client that sends faster than it may', () => {
    const clock = new FakeClock();
    const throttled: boolean[] = [];
    const inbox = new Inbox<number>({ laneOf: undefined, capacity: 1000, perSecond: 10 }, clock, async () => {}, (on) => throttled.push(on));
    for (let i = 0; i < 15; i++) assert.equal(inbox.offer(i), true);
    assert.deepEqual(throttled, [true]);
    clock.advance(2000);
    assert.deepEqual(throttled, [true, false]);
  });
});

describe('who comes in', () => {
  const limits = { ...resolveGateOptions({ tcp: { port: 0 } }).limits, connections: 3, connectionsPerAddress: 2, connectsPerSecond: 2 };

  it('is counted in all, by address, and by speed', () => {
    const clock = new FakeClock();
    const door = new Doorkeeper(limits, clock);
    assert.deepEqual([door.enter('a'), door.enter('a'), door.enter('a')], [undefined, undefined, 'connectionsPerAddress']);
    assert.deepEqual([door.enter('b'), door.enter('c')], [undefined, 'connections']);
    door.leave('a');
    door.leave('a');
    assert.equal(door.enter('a'), 'connectsPerSecond');
    clock.advance(1000);
    assert.equal(door.enter('a'), undefined);
  });

  it('begins no more sessions that stay than guests of one address may', () => {
    const clock = new FakeClock();
    const guests = new KeptGuests(2, 1000, clock);
    assert.deepEqual([guests.enter('a'), guests.enter('a'), guests.enter('a'), guests.enter('b')], [true, true, false, true]);
    clock.advance(1000);
    assert.equal(guests.enter('a'), true);
  });

  it('is who the nearest trusted proxy says, and nobody else', () => {
    const trusted = ['10.0.0.1', '10.0.0.2'];
    assert.equal(clientAddress('1.2.3.4', '9.9.9.9', trusted), '1.2.3.4');
    assert.equal(clientAddress('10.0.0.1', '6.6.6.6, 9.9.9.9, 10.0.0.2', trusted), '9.9.9.9');
    assert.equal(clientAddress('::ffff:10.0.0.1', 'rubbish', trusted), '::ffff:10.0.0.1');
    assert.equal(clientAddress('10.0.0.1', undefined, trusted), '10.0.0.1');
  });
});

describe('options of a gate', () => {
  it('take mqant\'s settings where they are silent', () => {
    const { tcp, websocket, limits } = resolveGateOptions({}, { TCPAddr: ':3563', WSAddr: '127.0.0.1:3653', MaxPackSize: 100, ConcurrentTasks: 5 });
    assert.deepEqual([tcp, websocket, limits.packetBytes, limits.inFlight], [{ port: 3563 }, { host: '127.0.0.1', port: 3653 }, 100, 5]);
    assert.equal(resolveGateOptions({ tcp: { port: 1 }, websocket: false }, { WSAddr: ':2' }).websocket, undefined);
  });

  it('tell what is wrong', () => {
    for (const [options, settings, message] of [
      [{}, {}, /listens nowhere/],
      [{ tcpp: {} }, {}, /did you mean "?'?tcp/],
      [{ tcp: { port: 1 }, limits: { inflight: 2 } }, {}, /unknown limit "inflight"/],
      [{ tcp: { port: 1 }, limits: { inFlight: 0 } }, {}, /inFlight cannot be 0/],
      [{}, { TCPAddr: 'nowhere' }, /TCPAddr is 'nowhere'/],
    ] as const) {
      assert.throws(() => resolveGateOptions(options as never, settings), { reason: 'GATE_OPTIONS', message });
    }
  });
});
