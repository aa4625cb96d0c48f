import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Injectable, Module, type BeforeApplicationShutdown, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { events, type StateEvent } from '../../lib/common/events.js';
import { PHASES } from '../../lib/common/lifecycle.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import type { OnRun } from '../../lib/metadata/on-run.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { gate, isolated, Recorder, recordingPart, recordingRegistry, recordingTransport } from './app.support.js';

/** Two services of which one imports the other, with every hook there is. */
function world() {
  const recorder = new Recorder();
  const { note } = recorder;
  abstract class Noted implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
    abstract readonly called: string;
    onModuleInit = () => note(`${this.called} init`);
    onApplicationBootstrap = () => note(`${this.called} bootstrap`);
    onModuleDestroy = () => note(`${this.called} destroy`);
    beforeApplicationShutdown = () => note(`${this.called} beforeShutdown`);
    onApplicationShutdown = () => note(`${this.called} shutdown`);
  }
  @Injectable()
  class Database extends Noted {
    readonly called = 'database';
    constructor() {
      super();
      note('database constructor');
    }
  }
  @RpcModule({ type: 'inner', providers: [Database] })
  class Inner extends Noted implements OnRun {
    readonly called = 'inner';
    async run(signal: AbortSignal): Promise<void> {
      note('inner run');
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(note('inner run is told to end')), { once: true });
      });
    }
    @Handler('/ping', { concurrent: true })
    ping(): string {
      return 'pong';
    }
  }
  @RpcModule({ type: 'outer', imports: [Inner] })
  class Outer extends Noted {
    readonly called = 'outer';
  }
  @Module({ imports: [Outer] })
  class App {}
  const create = async (): Promise<RpcApplication> => {
    const app: RpcApplication = await RpcFactory.create(App, {
      ...isolated,
      graceMs: 5,
      transport: recordingTransport(recorder),
      registry: recordingRegistry(recorder),
      parts: PHASES.map((phase) => recordingPart(recorder, phase)),
      hooks: {
        onConfigurationLoaded: () => note('hook onConfigurationLoaded'),
        beforeStart: (hooked) => note(`hook beforeStart, bound: ${(hooked as RpcApplication).modules.get('inner')!.server.lookup('/ping') !== undefined}`),
        afterStart: (hooked) => note(`hook afterStart, ${(hooked as RpcApplication).state}, bound: ${(hooked as RpcApplication).modules.get('inner')!.server.lookup('/ping') !== undefined}`),
        beforeStop: (hooked) => note(`hook beforeStop, ${(hooked as RpcApplication).state}`),
        afterStop: (hooked) => note(`hook afterStop, ${(hooked as RpcApplication).state}`),
        onExit: () => note('hook onExit'),
      },
    });
    return app;
  };
  return { recorder, create };
}

describe('lifecycle', () => {
  it('starts and stops step by step', async () => {
    const { recorder, create } = world();
    const app = await create();
    assert.deepEqual(recorder.take(), [
      'hook onConfigurationLoaded',
      'registry connect',
      'database constructor',
      'database init',
      'inner init',
      'outer init',
      'database bootstrap',
      'inner bootstrap',
      'outer bootstrap',
    ]);
    assert.equal(app.state, 'created');
    assert.equal(await app.start(), app);
    assert.deepEqual(recorder.take(), [
      'hook beforeStart, bound: false',
      'part probe start',
      'part registry start',
      'part resource start',
      'transport connect',
      // What a process speaks with, then what it is reached under.
      'transport subscribe process',
      'transport subscribe process',
      'transport subscribe node inner',
      'transport subscribe node outer',
      'part transport start',
      'registry register inner',
      'registry register outer',
      'part ingress start',
      'inner run',
      'hook afterStart, ready, bound: true',
    ]);
    await app.stop();
    assert.deepEqual(recorder.take(), [
      'hook beforeStop, ready',
      'registry deregister inner',
      'registry deregister outer',
      'inner run is told to end',
      'part ingress stop',
      'outer destroy',
      'database destroy',
      'inner destroy',
      'outer beforeShutdown',
      'database beforeShutdown',
      'inner beforeShutdown',
      'outer shutdown',
      'database shutdown',
      'inner shutdown',
      'part transport stop',
      'transport close',
      'part resource stop',
      'part registry stop',
      'registry close',
      'part probe stop',
      'hook afterStop, stopped',
      'hook onExit',
    ]);
  });

  it('runs destroy hooks only after run() has returned and calls have ended', async () => {
    const recorder = new Recorder();
    const mayEnd = gate();
    @RpcModule({ type: 'slow' })
    class Slow implements OnRun, OnModuleDestroy {
      async run(signal: AbortSignal): Promise<void> {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        recorder.note('told');
        await mayEnd.promise;
        recorder.note('run returned');
      }
      @Handler('/work', { concurrent: true })
      async work(): Promise<string> {
        recorder.note('called');
        await mayEnd.promise;
        recorder.note('call ended');
        return 'done';
      }
      onModuleDestroy(): void {
        recorder.note('destroy');
      }
    }
    const app = await RpcFactory.create({ ...isolated, modules: [Slow] });
    await app.start();
    const reply = app.rpc.call('slow', '/work');
    await recorder.until('called');
    const stopped = app.stop();
    await recorder.until('told');
    mayEnd.open();
    await stopped;
    assert.equal(await reply, 'done');
    assert.deepEqual(recorder.log.slice(-1), ['destroy']);
    assert.deepEqual(recorder.log.toSorted(), ['call ended', 'called', 'destroy', 'run returned', 'told']);
  });

  it('publishes its states', async (t) => {
    const seen: string[] = [];
    const listener = (message: unknown): void => void seen.push(`${(message as StateEvent).from} > ${(message as StateEvent).to}`);
    events.state.subscribe(listener);
    t.after(() => events.state.unsubscribe(listener));
    const { create } = world();
    const app = await create();
    await app.start();
    await app.stop();
    assert.deepEqual(seen, ['created > starting', 'starting > ready', 'ready > draining', 'draining > stopped']);
  });

  it('close is stop', async () => {
    const { create } = world();
    const app = await create();
    await app.start();
    await app.close();
    assert.equal(app.state, 'stopped');
    await app.closed;
  });

  it('stops what was created and never started', async () => {
    const { recorder, create } = world();
    const app = await create();
    recorder.take();
    await app.stop();
    assert.deepEqual(recorder.take(), [
      ...['destroy', 'beforeShutdown', 'shutdown'].flatMap((hook) => [`outer ${hook}`, `database ${hook}`, `inner ${hook}`]),
      'transport close',
      'registry close',
      'hook afterStop, stopped',
      'hook onExit',
    ]);
    await assert.rejects(app.start(), /the app is stopped; create a new one/);
  });

  it('starts once and stops once, however often it is asked', async () => {
    const { recorder, create } = world();
    const app = await create();
    await Promise.all([app.start(), app.start(), app.start({ failFast: true })]);
    await Promise.all([app.stop(), app.close(), app.stop()]);
    await app.stop();
    assert.equal(recorder.log.filter((event) => event === 'inner run').length, 1);
    assert.equal(recorder.log.filter((event) => event === 'transport close').length, 1);
    // It would not be ready.
    await assert.rejects(app.start(), /the app is stopped; create a new one/);
    assert.equal(app.state, 'stopped');
  });
});
