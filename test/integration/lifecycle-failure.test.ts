import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RpcFactory } from '../../lib/bootstrap/rpc.factory.js';
import type { AppHooks } from '../../lib/bootstrap/app-hooks.js';
import type { AppOptions } from '../../lib/bootstrap/app-options.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { BootError } from '../../lib/common/boot-error.js';
import { type AppPart, PHASES, type Phase } from '../../lib/common/lifecycle.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { APP_HANDLE, type AppHandle } from '../../lib/metadata/tokens.js';
import { MemoryHub as RegistryHub } from '../../lib/registry/memory.registry.js';
import type { Registry } from '../../lib/registry/registry.js';
import type { Transport } from '../../lib/rpc/transport.js';
import { FakeClock } from '../../lib/testing/fake-clock.js';
import { memoryHub } from '../../lib/transport/memory/memory.hub.js';
import { gate, isolated, Lines, Recorder, recordingPart, recordingRegistry, recordingTransport } from './app.support.js';

const broken = (what: string) => () => Promise.reject(new Error(`${what} is broken`));
const never = () => new Promise<never>(() => {});

interface Faults {
  transport?: Partial<Transport>;
  registry?: Partial<Registry>;
  parts?: Partial<Record<Phase, Partial<AppPart>>>;
  hooks?: AppHooks;
  run?: (signal: AbortSignal) => Promise<void> | void;
  destroy?: () => Promise<void> | void;
  options?: AppOptions;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

/** An app of one module of which some things go wrong. */
function world({ transport, registry, parts = {}, hooks, run, destroy, options }: Faults = {}) {
  const recorder = new Recorder();
  const { note } = recorder;
  const lines = new Lines();
  const clock = new FakeClock();
  const registryHub = new RegistryHub(clock);
  @RpcModule({ type: 'svc' })
  class Service {
    run(signal: AbortSignal): Promise<void> | void {
      note('run');
      return run?.(signal);
    }
    @Handler('/hi', { concurrent: true })
    hi(): string {
      return 'hi';
    }
    async onModuleDestroy(): Promise<void> {
      note('destroy');
      await destroy?.();
    }
  }
  const create = (): Promise<RpcApplication> =>
    RpcFactory.create({
      ...isolated,
      modules: [Service],
      clock,
      logger: lines,
      transport: recordingTransport(recorder, memoryHub(), transport),
      registry: recordingRegistry(recorder, registryHub, registry),
      parts: PHASES.map((phase) => recordingPart(recorder, phase, parts[phase])),
      hooks: { ...hooks, onExit: hooks?.onExit ?? (() => note('hook onExit')) },
      ...options,
    });
  return { recorder, lines, clock, registryHub, create };
}

/** What is left open, by the recorder's log: each start has its stop. */
function unbalanced(log: readonly string[]): string[] {
  const pairs = [['transport connect', 'transport close'], ['registry connect', 'registry close'], ['registry register svc', 'registry deregister svc'], ...PHASES.map((phase) => [`part ${phase} start`, `part ${phase} stop`])];
  return pairs.flatMap(([start, stop]) => (log.includes(start!) && !log.includes(stop!) ? [start!] : []));
}

async function failedStart(app: RpcApplication, error: RegExp | object): Promise<void> {
  await assert.rejects(app.start({ failFast: true }), error);
  assert.equal(app.state, 'failed');
  assert.equal(app.health().ready, false);
  // What start rejected with stays its answer.
  await assert.rejects(app.start(), error);
}

describe('a start that fails takes everything down again', () => {
  const cases: [string, Faults][] = [
    ['transport', { transport: { connect: broken('transport') } }],
    ['subscription', { transport: { subscribe: broken('subscription') } }],
    ['registry', { registry: { connect: broken('registry') } }],
    ['hook', { hooks: { beforeStart: broken('hook') } }],
    ['hook', { hooks: { afterStart: broken('hook') } }],
    ...PHASES.map((phase): [string, Faults] => [`${phase} part`, { parts: { [phase]: { start: broken(`${phase} part`) } } }]),
    ['ingress part', { parts: { ingress: { start: () => { throw new Error('ingress part is broken'); } } } }],
    ['run', { run: () => { throw new Error('run is broken'); } }],
  ];
  for (const [what, faults] of cases) {
    it(`${Object.keys(faults)[0]}: ${what} ${Object.keys(Object.values(faults)[0] as object)[0] ?? ''}`, async () => {
      const { recorder, create, registryHub, clock } = world(faults);
      const app = await create();
      await failedStart(app, new RegExp(`${what} is broken`));
      assert.deepEqual(unbalanced(recorder.log), []);
      assert.deepEqual(registryHub.names(), []);
      assert.ok(recorder.log.includes('destroy'));
      assert.equal(recorder.log.at(-1), 'hook onExit');
      assert.equal(clock.pending, 0, 'timers are left');
    });
  }

  it('a part that failed half way is stopped with the others, in reverse order', async () => {
    const { recorder, create } = world({ parts: { transport: { start: broken('part') } } });
    await failedStart(await create(), /part is broken/);
    assert.deepEqual(recorder.log.slice(recorder.log.indexOf('transport subscribe node svc') + 1), [
      'destroy', 'part transport stop', 'transport close', 'part resource stop', 'part registry stop', 'registry close', 'part probe stop', 'hook onExit',
    ]);
  });

  it('create: a module that cannot be made leaves no plug-in open', async () => {
    const recorder = new Recorder();
    @RpcModule({ type: 'svc' })
    class Service {
      onModuleInit(): never {
        throw new Error('no init');
      }
    }
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Service], transport: recordingTransport(recorder), registry: recordingRegistry(recorder) }), /no init/);
    assert.deepEqual(recorder.log, ['registry connect', 'transport close', 'registry close']);
  });
});

describe('a part that a provider brings', () => {
  it('when the container could not be built and all has ended, ends at once', async () => {
    const late = gate();
    const stopped = gate();
    const broken = { provide: 'broken', useFactory: () => Promise.reject(new Error('no luck')) };
    const slow = {
      provide: 'slow',
      inject: [APP_HANDLE],
      useFactory: async (app: AppHandle) => {
        await late.promise;
        app.adopt({ name: 'late', phase: 'resource', stop: () => stopped.open(), health: () => ({ status: 'up' }) });
      },
    };
    @RpcModule({ type: 'svc', providers: [slow, broken] })
    class Service {}
    await assert.rejects(RpcFactory.create({ ...isolated, modules: [Service] }), /no luck/);
    late.open();
    await stopped.promise;
  });
});

describe('a start without servers', () => {
  it('waits for the transport, saying so, and goes on when it is there', async () => {
    const reached = gate();
    let attempts = 0;
    const { create, lines, clock, recorder } = world({
      transport: {
        connect: async () => {
          if (++attempts < 5) throw new Error('cannot reach the bus at 127.0.0.1:1; start it');
          reached.open();
        },
        subscribe: async () => ({ close() {} }),
      },
    });
    const app = await create();
    const started = app.start();
    for (let i = 0; i < 6; i++) {
      await settle();
      clock.advance(5000);
    }
    await reached.promise;
    await started;
    assert.deepEqual(lines.of('warn'), [1, 2, 3].map((attempt) => `cannot reach the bus at 127.0.0.1:1; start it; trying again attempt=${attempt}`));
    assert.ok(recorder.log.includes('registry register svc'));
    const stopped = app.stop();
    await stopped;
  });

  it('does not wait for a package that is missing', async () => {
    const error = new BootError('PEER_MISSING', 'nats needs a package');
    await failedStart(await world({ transport: { connect: () => Promise.reject(error) } }).create(), { message: 'nats needs a package' });
    const app = await world({ transport: { connect: () => Promise.reject(error) } }).create();
    await assert.rejects(app.start(), { message: 'nats needs a package' });
    await assert.rejects(world({ registry: { connect: () => Promise.reject(error) } }).create(), { message: 'nats needs a package' });
  });

  it('goes on without the registry after a warning', async () => {
    const { create, lines } = world({ registry: { connect: broken('consul at 127.0.0.1:1') } });
    const app = await create();
    assert.deepEqual(lines.of('warn'), ['consul at 127.0.0.1:1 is broken; going on without it for now']);
    await app.start();
    await app.stop();
  });

  it('goes on without a registry that does not answer', async () => {
    const { create, lines, clock } = world({ registry: { connect: never, register: never, deregister: never } });
    const created = create();
    await settle();
    clock.advance(3000);
    const app = await created;
    const started = app.start();
    await settle();
    clock.advance(3000);
    await started;
    assert.deepEqual(lines.of('warn').map((line) => line.split(' detail=')[0]), [
      'memory gave no answer within 3000 ms; going on without it for now',
      'memory has not taken all nodes yet; going on, registration is retried',
    ]);
    assert.equal(app.health().ready, false);
    const stopped = app.stop();
    await settle();
    clock.advance(3000);
    await stopped;
    assert.match(lines.of('warn').at(-1)!, /^stopping without the registry: memory gave no answer within 3000 ms; the nodes expire by their TTL/);
  });

  it('failFast: a registry that takes no node fails the start', async () => {
    const { create, clock } = world({ registry: { register: broken('permission') } });
    const app = await create();
    const failed = failedStart(app, /memory has not taken all nodes within 3000 ms: node svc@\w+ not registered: permission is broken/);
    for (let i = 0; i < 4; i++) {
      await settle();
      clock.advance(1000);
    }
    await failed;
  });
});

describe('a stop while the app starts', () => {
  const waiting = gate();
  const cases: Record<string, (note: () => void) => Faults> = {
    'before start': (note) => ({ hooks: { beforeStart: () => (note(), waiting.promise) } }),
    'transport, which looks at the signal': (note) => ({ transport: { connect: (signal) => new Promise((_, reject) => { note(); signal!.addEventListener('abort', () => reject(signal!.reason as Error)); }) } }),
    'transport, which does not': (note) => ({ transport: { connect: () => (note(), never()) } }),
    'listening': (note) => ({ transport: { subscribe: () => (note(), never()) } }),
    'part': (note) => ({ parts: { resource: { start: (signal) => new Promise<void>((_, reject) => { note(); signal.addEventListener('abort', () => reject(signal.reason as Error)); }) } } }),
    'registration': (note) => ({ registry: { register: (_node, _options, signal) => new Promise<never>((_, reject) => { note(); signal!.addEventListener('abort', () => reject(signal!.reason as Error)); }) } }),
  };
  for (const [where, faults] of Object.entries(cases)) {
    it(`interrupts it: ${where}`, async () => {
      const there = gate();
      const { recorder, create, clock, registryHub } = world(faults(() => there.open()));
      const app = await create();
      const started = assert.rejects(app.start(), /the app was stopped while it started/);
      await there.promise;
      const stopped = Promise.all([app.stop(), app.stop()]);
      if (where === 'before start') waiting.open();
      await Promise.all([started, stopped]);
      assert.equal(app.state, 'stopped');
      assert.deepEqual(unbalanced(recorder.log), []);
      assert.ok(!recorder.log.includes('run'));
      assert.deepEqual(registryHub.names(), []);
      assert.equal(clock.pending, 0, 'timers are left');
    });
  }

  it('waits for a start that cannot be interrupted no longer than killWaitMs', async () => {
    const { create, clock } = world({ hooks: { beforeStart: never } });
    const app = await create();
    void app.start();
    await settle();
    const stopped = app.stop();
    await settle();
    clock.advance(60_000);
    await assert.rejects(stopped, /end of start: start\(\) did not return after it was interrupted/);
  });
});

describe('run()', () => {
  const unhandled = (t: TestContext): unknown[] => {
    const found: unknown[] = [];
    const keep = (error: unknown): void => void found.push(error);
    process.on('unhandledRejection', keep);
    t.after(() => process.off('unhandledRejection', keep));
    return found;
  };

  for (const when of ['at once', 'later']) {
    it(`that fails ${when} stops the app with that error`, async (t) => {
      const found = unhandled(t);
      const error = new Error('out of work');
      const fail = gate();
      const { create, recorder, lines } = world({ run: when === 'later' ? () => fail.promise.then(() => Promise.reject(error)) : () => { throw error; } });
      const app = await create();
      if (when === 'later') {
        await app.start();
        fail.open();
      } else {
        await assert.rejects(app.start(), (thrown) => thrown === error);
      }
      await assert.rejects(app.closed, (thrown: AggregateError) => {
        assert.ok(thrown instanceof AggregateError);
        assert.deepEqual(thrown.errors.map((each: Error) => each.cause), [error]);
        assert.match(thrown.message, /run\(\) of module 'svc': out of work/);
        return true;
      });
      assert.equal(app.state, 'failed');
      assert.deepEqual(unbalanced(recorder.log), []);
      assert.ok(lines.of('error').some((line) => line.startsWith(`run() of module 'svc' failed; stopping the app error="Error: out of work"`)));
      await settle();
      assert.deepEqual(found, []);
    });
  }

  it('that fails while the app stops is one of the failures of the stop', async () => {
    const { create } = world({
      run: async (signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        throw new Error('no farewell');
      },
    });
    const app = await create();
    await app.start();
    await assert.rejects(app.stop(), /run\(\) of svc: no farewell/);
    assert.equal(app.state, 'stopped');
  });

  it('may end by itself', async () => {
    const { create } = world({ run: () => {} });
    const app = await create();
    await app.start();
    await settle();
    assert.equal(app.state, 'ready');
    await app.stop();
  });

  it('may stop the app', async () => {
    const found = gate<RpcApplication>();
    const { create } = world({ run: async () => void (await found.promise).stop() });
    const app = await create();
    await app.start();
    found.open(app);
    await app.closed;
    assert.equal(app.state, 'stopped');
  });
});

describe('a stop in which things go wrong', () => {
  it('does every step and tells all failures in one error', async () => {
    const { create, recorder, lines } = world({
      hooks: { beforeStop: broken('beforeStop'), afterStop: broken('afterStop'), onExit: () => { throw new Error('onExit is broken'); } },
      registry: { deregister: broken('deregister'), close: broken('registry close') },
      transport: { close: broken('transport close') },
      parts: Object.fromEntries(PHASES.map((phase) => [phase, { stop: broken(`${phase} part`) }])),
    });
    const app = await create();
    await app.start();
    await assert.rejects(app.stop(), (error: AggregateError) => {
      assert.ok(error instanceof AggregateError);
      const messages = error.errors.map((each: Error) => each.message);
      assert.deepEqual(messages.map((message) => message.replace(/\(.*\)/, '')), [
        'hook beforeStop: beforeStop is broken',
        'stop part the ingress part: ingress part is broken',
        'stop part the transport part: transport part is broken',
        'close transport: transport close is broken',
        'stop part the resource part: resource part is broken',
        'stop part the registry part: registry part is broken',
        'close registry: registry close is broken',
        'stop part the probe part: probe part is broken',
        'hook afterStop: afterStop is broken',
        'hook onExit: onExit is broken',
      ]);
      for (const message of messages) assert.ok(error.message.includes(message));
      return true;
    });
    assert.ok(recorder.log.includes('destroy'));
    assert.equal(lines.of('error').filter((line) => line.startsWith('stopping: ')).length, 10);
    // Its records run out by themselves: a warning, and no failure.
    assert.match(lines.of('warn').join('\n'), /^stopping without the registry: 1 of 1 nodes could not be taken out of the registry; they expire by their TTL/);
    assert.equal(app.state, 'stopped');
    // It is told again to whoever asks again.
    await assert.rejects(app.stop(), AggregateError);
  });

  const hanging: Record<string, Faults> = {
    'hook beforeStop': { hooks: { beforeStop: never } },
    'run()': { run: never },
    'destroy hooks': { destroy: never },
    'stop part the ingress part': { parts: { ingress: { stop: never } } },
    'stop part the resource part': { parts: { resource: { stop: never } } },
    'close transport': { transport: { close: never } },
    'close registry': { registry: { close: never } },
    'hook afterStop': { hooks: { afterStop: never } },
    'hook onExit': { hooks: { onExit: never } },
  };
  for (const [what, faults] of Object.entries(hanging)) {
    it(`takes no longer than killWaitMs: ${what}`, async () => {
      const { create, clock, recorder } = world({ ...faults, options: { killWaitMs: 5000 } });
      const app = await create();
      await app.start();
      let over = false;
      const stopped = assert.rejects(app.stop(), (error: Error) => error.message.includes(what)).finally(() => (over = true));
      for (let ms = 0; ms < 4900; ms += 100) {
        await settle();
        clock.advance(100);
      }
      assert.equal(over, false);
      await settle();
      clock.advance(100);
      await settle();
      // A moment more for connections to say goodbye.
      clock.advance(700);
      await stopped;
      assert.equal(app.state, 'stopped');
      await settle();
      assert.ok(what === 'close transport' || recorder.log.includes('transport close'));
      assert.equal(clock.pending, 0, 'timers are left');
    });
  }
});
