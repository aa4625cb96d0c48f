import assert from 'node:assert/strict';
import { AsyncResource } from 'node:async_hooks';
import { describe, it } from 'node:test';
import type { NodePicker, ServiceChange } from '../../../../lib/common/selection.js';
import type { ServiceNode } from '../../../../lib/common/service-node.js';
import type { ChannelMaker } from '../../../../lib/grpc/client/endpoint.js';
import { Endpoints } from '../../../../lib/grpc/client/endpoints.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';

const State = { IDLE: 0, CONNECTING: 1, READY: 2, TRANSIENT_FAILURE: 3, SHUTDOWN: 4 };

/** The part of grpc-js' channel that endpoints use. */
class FakeChannel {
  state = State.IDLE;
  isClosed = false;
  private watchers: (() => void)[] = [];
  constructor(readonly target: string, readonly options: Record<string, unknown>, made: FakeChannel[]) {
    made.push(this);
  }
  getConnectivityState(tryToConnect: boolean): number {
    if (tryToConnect && this.state === State.IDLE) this.state = State.CONNECTING;
    return this.state;
  }
  watchConnectivityState(_state: number, _deadline: number, callback: () => void): void {
    this.watchers.push(callback);
  }
  move(state: number): void {
    this.state = state;
    for (const watcher of this.watchers.splice(0)) watcher();
  }
  close(): void {
    this.isClosed = true;
    this.move(State.SHUTDOWN);
  }
}

function node(id: string, address: string, metadata = {}): ServiceNode {
  return { id, type: 'add', version: '', address, metadata };
}

class Waiter {
  connects = 0;
  timeouts = 0;
  connected(): void {
    this.connects++;
  }
  connectTimedOut(): void {
    this.timeouts++;
  }
}

function rig() {
  const clock = new FakeClock();
  const made: FakeChannel[] = [];
  let tell: (change: ServiceChange) => void = () => {};
  let listening = true;
  const picker = { onChange: (listener: typeof tell) => ((tell = listener), () => (listening = false)) } as unknown as NodePicker;
  class Channel extends FakeChannel {
    constructor(target: string, _credentials: object, options: Record<string, unknown>) {
      super(target, options, made);
    }
  }
  const maker = { grpc: { Channel, connectivityState: State }, clock, outside: new AsyncResource('test'), security: { credentials: {}, options: { 'grpc.ssl_target_name_override': 'x' } }, settings: { maxMessageBytes: 5, keepaliveMs: 300_000, keepaliveTimeoutMs: 7, connectTimeoutMs: 100, tls: false } } as unknown as ChannelMaker;
  const change = (some: Partial<ServiceChange>): void => tell({ service: 'add', added: [], changed: [], removed: [], ...some });
  return { clock, made, endpoints: new Endpoints(maker, picker), change, isListening: () => listening };
}

describe('the endpoints of a gRPC client', () => {
  it('are one per address, made on first use', () => {
    const { endpoints, made } = rig();
    const a = endpoints.of(node('add@1', '10.0.0.1:1'));
    assert.equal(endpoints.of(node('add@2', 'x', { 'anthill.grpc': '10.0.0.1:1' })), a);
    assert.notEqual(endpoints.of(node('add@3', '[::1]:1')), a);
    endpoints.of(node('add@4', 'host:1'));
    assert.deepEqual(made.map(({ target }) => target), ['ipv4:10.0.0.1:1', 'ipv6:[::1]:1', 'host:1']);
    assert.throws(() => endpoints.of(node('add@5', 'add.5')), { reason: 'WIRE_MISMATCH' });
  });

  it('have channels with the options of the client', () => {
    const { endpoints, made } = rig();
    endpoints.of(node('add@1', 'h:1'));
    const { options } = made[0]!;
    assert.deepEqual([options['grpc.max_receive_message_length'], options['grpc.keepalive_time_ms'], options['grpc.keepalive_timeout_ms'], options['grpc.ssl_target_name_override'], options['grpc.max_reconnect_backoff_ms']], [5, 300_000, 7, 'x', 3000]);
  });

  it('close when their last node left, and the calls in flight have ended', () => {
    const { endpoints, made, change } = rig();
    const [one, two] = [node('add@1', 'h:1'), node('add@2', 'h:1')];
    const endpoint = endpoints.of(one);
    endpoints.of(two);
    change({ removed: [one] });
    assert.equal(made[0]!.isClosed, false);
    endpoint.inFlight++;
    change({ removed: [two, node('add@9', 'h:9')] });
    assert.deepEqual([endpoints.size, made[0]!.isClosed], [0, false]);
    endpoint.inFlight--;
    endpoint.ended();
    assert.equal(made[0]!.isClosed, true);
    endpoints.of(one);
    assert.equal(made.length, 2);
  });

  it('follow a node that moved, and stay for one that only says something new', () => {
    const { endpoints, made, change } = rig();
    const first = endpoints.of(node('add@1', 'h:1'));
    const renewed = node('add@1', 'h:1', { weight: '3' });
    change({ changed: [renewed] });
    assert.equal(endpoints.of(renewed), first);
    const moved = node('add@1', 'h:2');
    change({ changed: [moved] });
    assert.equal(made[0]!.isClosed, true);
    assert.equal(endpoints.of(moved).address, 'h:2');
    // Told late: the pick comes first.
    assert.equal(endpoints.of(node('add@1', 'h:3')).address, 'h:3');
    assert.deepEqual(made.map(({ isClosed }) => isClosed), [true, true, false]);
  });

  it('close when nobody uses them', () => {
    const { endpoints, made, clock } = rig();
    endpoints.of(node('add@1', 'h:1'));
    const busy = endpoints.of(node('add@2', 'h:2'));
    busy.inFlight++;
    clock.advance(300_000);
    assert.deepEqual(made.map(({ isClosed }) => isClosed), [false, false]);
    clock.advance(300_000);
    assert.deepEqual(made.map(({ isClosed }) => isClosed), [true, false]);
  });

  it('close with the client, and no new ones are made', () => {
    const { endpoints, made, isListening } = rig();
    const known = node('add@1', 'h:1');
    const waiter = new Waiter();
    endpoints.of(known).whenConnected(waiter);
    endpoints.close();
    assert.deepEqual([made[0]!.isClosed, waiter.connects, isListening()], [true, 1, false]);
    assert.throws(() => endpoints.of(known), { code: 'CANCELLED' });
  });
});

describe('a call that waits for the connection of an endpoint', () => {
  it('goes when it is there, all of them together', () => {
    const { endpoints, made } = rig();
    const endpoint = endpoints.of(node('add@1', 'h:1'));
    const [a, b] = [new Waiter(), new Waiter()];
    endpoint.whenConnected(a);
    endpoint.whenConnected(b);
    made[0]!.move(State.CONNECTING);
    assert.deepEqual([a.connects, b.connects], [0, 0]);
    made[0]!.move(State.READY);
    assert.deepEqual([a.connects, b.connects], [1, 1]);
    const late = new Waiter();
    endpoint.whenConnected(late);
    assert.equal(late.connects, 1);
  });

  it('goes when it failed, too: the library tells the reason to calls only', () => {
    const { endpoints, made } = rig();
    const waiter = new Waiter();
    endpoints.of(node('add@1', 'h:1')).whenConnected(waiter);
    made[0]!.move(State.TRANSIENT_FAILURE);
    assert.equal(waiter.connects, 1);
  });

  it('gives up after connectTimeoutMs, unless it was forgotten before', () => {
    const { endpoints, clock, made } = rig();
    const endpoint = endpoints.of(node('add@1', 'h:1'));
    const [a, b] = [new Waiter(), new Waiter()];
    endpoint.whenConnected(a);
    endpoint.whenConnected(b);
    endpoint.forget(b);
    clock.advance(99);
    assert.equal(a.timeouts, 0);
    clock.advance(1);
    assert.deepEqual([a.timeouts, b.timeouts], [1, 0]);
    // Nothing has changed: later ones do not wait in vain, too.
    const next = new Waiter();
    endpoint.whenConnected(next);
    assert.equal(next.timeouts, 1);
    made[0]!.move(State.IDLE);
    const last = new Waiter();
    endpoint.whenConnected(last);
    assert.equal(last.timeouts, 0);
    made[0]!.move(State.READY);
    assert.equal(last.connects, 1);
  });
});
