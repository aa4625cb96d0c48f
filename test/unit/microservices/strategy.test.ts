import { Logger } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { of } from 'rxjs';
import { RpcContext } from '../../../lib/common/call-context.js';
import { systemClock } from '../../../lib/common/clock.js';
import { ANTHILL_TRANSPORT, AnthillStrategy, type AnthillStrategyOptions } from '../../../lib/microservices/anthill.strategy.js';
import type { HandlerDescriptor } from '../../../lib/rpc/handler-entry.js';
import type { ServiceHost, ServiceOptions } from '../../../lib/rpc/service-host.js';

/** An app that only keeps what it is asked to serve. */
function rig(options: AnthillStrategyOptions, refuse?: Error) {
  const served: { service: ServiceOptions; handlers: readonly HandlerDescriptor[] }[] = [];
  let drains = 0;
  const host = {
    get: () => new ApplicationConfig(),
    serve: async (service: ServiceOptions, handlers: readonly HandlerDescriptor[]) => (refuse ? Promise.reject(refuse) : served.push({ service, handlers })),
    drain: async () => void drains++,
  } as unknown as ServiceHost;
  const strategy = new AnthillStrategy(host, options);
  const listen = () => new Promise<unknown>((resolve) => strategy.listen(resolve));
  return { strategy, host, served, listen, drains: () => drains };
}

const call = (handler: HandlerDescriptor, ...args: unknown[]): unknown =>
  handler.invoke(args, new RpcContext({ path: handler.path, nodeId: 'x@1', caller: 'test', deadlineAt: Infinity, wire: 'local' }, systemClock));

function warnings(t: TestContext): string[] {
  const lines: string[] = [];
  Logger.overrideLogger({ log() {}, error() {}, warn: (line: unknown) => void lines.push(String(line)) });
  t.after(() => Logger.overrideLogger(false));
  return lines;
}

describe('AnthillStrategy', () => {
  it('serves nothing until Nest says listen, then what it was given, once', async () => {
    const { strategy, served, listen } = rig({ type: 'math', version: '2.0.0', metadata: { zone: 'a' }, defaults: { queue: 5 } });
    strategy.addHandler({ cmd: 'sum' }, async (data) => data);
    strategy.addHandler('slow', async () => 1, false, { anthill: { concurrent: 2 } });
    assert.equal(served.length, 0);
    assert.deepEqual(await Promise.all([listen(), listen()]), [undefined, undefined]);
    assert.equal(served.length, 1);
    const [{ service, handlers }] = served as [(typeof served)[0]];
    assert.deepEqual(service, { type: 'math', version: '2.0.0', metadata: { zone: 'a' } });
    assert.deepEqual(
      handlers.map(({ path, origin, options, arity }) => ({ path, origin, options, arity })),
      [
        { path: '{"cmd":"sum"}', origin: '@MessagePattern(\'{"cmd":"sum"}\')', options: { concurrent: true, queue: 5 }, arity: { min: 0, max: 1 } },
        { path: 'slow', origin: "@MessagePattern('slow')", options: { concurrent: 2, queue: 5 }, arity: { min: 0, max: 1 } },
      ],
    );
    assert.equal(await call(handlers[0]!, 'payload'), 'payload');
  });

  it('gives the callback why it cannot serve', async () => {
    const { strategy, listen } = rig({ type: 'math' }, new Error('the app is draining'));
    strategy.addHandler('x', async () => 1);
    assert.match(String(await listen()), /the app is draining/);
  });

  it('warns when no handler is left for it, naming what may be why', async (t) => {
    const lines = warnings(t);
    await rig({ type: 'math', transportId: Transport.NATS }).listen();
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /no handler is bound to service 'math'.*@MessagePattern.*transportId/);
  });

  it('tells its state, drains at close, and unwraps to the app', async () => {
    const { strategy, host, listen, drains } = rig({ type: 'math' });
    const states: string[] = [];
    strategy.status.subscribe((state) => states.push(state));
    strategy.addHandler('x', async () => 1);
    await listen();
    await strategy.close();
    assert.deepEqual(states, ['connected', 'disconnected']);
    assert.equal(drains(), 1);
    assert.equal(strategy.unwrap(), host);
    assert.throws(() => strategy.on('error'), /status/);
  });

  it('takes unmarked handlers and its own, or those of a transport it stands in for', () => {
    assert.equal(rig({ type: 'x' }).strategy.transportId, ANTHILL_TRANSPORT);
    assert.equal(rig({ type: 'x', transportId: Transport.NATS }).strategy.transportId, Transport.NATS);
  });

  it('runs the processing hooks round each call, the end hook after observables too', async () => {
    const { strategy, served, listen } = rig({ type: 'x' });
    const events: unknown[] = [];
    strategy.setOnProcessingStartHook((id, context, done) => {
      events.push(['start', id === ANTHILL_TRANSPORT, (context as RpcContext).path]);
      void done();
    });
    strategy.setOnProcessingEndHook((_id, context) => void events.push(['end', (context as RpcContext).path]));
    strategy.addHandler('stream', async () => of(1, 2));
    strategy.addHandler('fails', async () => Promise.reject(new RangeError('no')));
    await listen();
    const [stream, fails] = served[0]!.handlers;
    assert.equal(await call(stream!), 2);
    await assert.rejects(call(fails!) as Promise<unknown>, RangeError);
    assert.deepEqual(events, [
      ['start', true, 'stream'],
      ['end', 'stream'],
      ['start', true, 'fails'],
      ['end', 'fails'],
    ]);
  });

  it('shows handlers as Nest\'s own strategies do', () => {
    const { strategy } = rig({ type: 'x' });
    strategy.addHandler('event', async () => 1, true, { tag: 'first' });
    strategy.addHandler('event', async () => 2, true);
    const shown = strategy.getHandlerByPattern('event');
    assert.deepEqual([shown?.isEventHandler, shown?.extras], [true, { tag: 'first' }]);
    assert.equal(strategy.getHandlers().size, 1);
  });
});
