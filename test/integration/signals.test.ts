import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Child, type ChildOptions } from './child.js';

const spawn = (t: TestContext, scenario: string, options: ChildOptions = {}): Child => new Child(t, './fixture/signal-app.js', { ...options, args: [scenario] });

describe('signals', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} stops the app and ends the process with 0`, async (t) => {
      const child = spawn(t, 'plain');
      // Asked for twice, there once.
      await child.until(/> ready 1 1 1/);
      child.kill(signal);
      assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
      assert.match(child.output, new RegExp(`${signal}: stopping`));
      assert.deepEqual(child.notes().slice(1), ['beforeStop', 'run ends', 'destroy', 'onExit']);
    });
  }

  it('a second signal ends the process at once', async (t) => {
    const child = spawn(t, 'hang');
    await child.until(/> hanging/);
    child.kill('SIGTERM');
    await child.until(/> run ends/);
    child.kill('SIGINT');
    assert.deepEqual(await child.exit, { code: 130, signal: null });
    assert.ok(!child.notes().includes('destroy'), child.output);
  });

  it('the first signal waits for a stop that the program asked for', async (t) => {
    const child = spawn(t, 'stop, then signal');
    await child.until(/> stopping/);
    child.kill('SIGTERM');
    assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    assert.equal(child.notes().at(-1), 'onExit');
  });

  it('run() that fails ends the process with 1', async (t) => {
    const child = spawn(t, 'run fails');
    assert.deepEqual(await child.exit, { code: 1, signal: null }, child.output);
    assert.match(child.output, /run\(\) of module 'svc' failed; stopping the app error="Error: out of work"/);
    assert.deepEqual(child.notes().slice(-2), ['destroy', 'onExit']);
  });

  it('a stop that goes wrong ends the process with 1', async (t) => {
    const child = spawn(t, 'stop fails');
    await child.until(/> ready/);
    child.kill('SIGTERM');
    assert.deepEqual(await child.exit, { code: 1, signal: null }, child.output);
    assert.match(child.output, /stopping: hook onExit failed error="Error: no exit"/);
  });

  it('without enableShutdownHooks the app touches no signal', async (t) => {
    const child = spawn(t, 'no hooks');
    await child.until(/> ready 0 0 0/);
    child.kill('SIGTERM');
    assert.deepEqual(await child.exit, { code: null, signal: 'SIGTERM' });
    assert.ok(!child.notes().includes('beforeStop'));
  });

  it('an app holds its process, with no socket and no signals too', async (t) => {
    const child = spawn(t, 'no hooks');
    await child.until(/> ready/);
    // Node ends a process when nothing is left to wait for: after the first answer nothing would be.
    for (let answers = 2; answers < 5; answers++) {
      child.kill('SIGUSR2');
      await child.until(new RegExp(`(> [^\\n]*\\n[^>]*){${answers}}`));
    }
  });

  it('a stopped app leaves no listener and nothing that keeps the process', async (t) => {
    const child = spawn(t, 'stop by itself');
    assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    assert.equal(child.notes().at(-1), 'stopped 0 0 0');
  });

  it('a stopped testing app leaves nothing that keeps the process', async (t) => {
    const child = spawn(t, 'testing app');
    assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    assert.deepEqual(child.notes(), ['hi', 'run ends', 'destroy', 'stopped']);
    // It is silent, Nest included.
    assert.equal(child.output, child.notes().map((line) => `> ${line}\n`).join(''));
  });

  it('SIGHUP reads the config again; one with mistakes changes nothing', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'anthill-hup-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'server.json');
    const write = (text: string): void => writeFileSync(file, text);
    write('{ "Settings": { "a": 1 }, "Rpc": { "RpcExpired": 3 }, "Unknown": 1 }');
    const child = spawn(t, 'config', { env: { CONFIG: file } });
    await child.until(/> ready 1 1 1/);
    child.kill('SIGUSR2');
    await child.until(/> config 3000 info \{"a":1\}/);

    write('{ "Settings": { "a": 2 }, "Rpc": { "RpcExpired": 5 }, "Unknown": 1, "Anthill": { "log": { "level": "error" } } }');
    child.kill('SIGHUP');
    while (!/> config 5000 error \{"a":2\}/.test(child.output)) {
      child.kill('SIGUSR2');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // The level is in force: what is below it is not written. What was warned of before is not told again.
    assert.doesNotMatch(child.output, /config read again/);
    assert.equal(child.output.match(/Unknown/g)?.length, 1, child.output);

    write('{ "Rpc": { "RpcExpired": "never" } ');
    child.kill('SIGHUP');
    await child.until(/the new config has mistakes, the old one stays: .*server\.json/);
    const before = child.notes().length;
    child.kill('SIGUSR2');
    while (child.notes().length === before) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(child.notes().at(-1), 'config 5000 error {"a":2}');
    child.kill('SIGTERM');
    assert.deepEqual(await child.exit, { code: 0, signal: null });
  });

  it("in a Nest app that listens to signals the app drains before the first destroy hook", async (t) => {
    const child = spawn(t, 'nest');
    await child.until(/> ready 1 0 0/);
    child.kill('SIGTERM');
    // Nest sends itself the signal again.
    assert.deepEqual(await child.exit, { code: null, signal: 'SIGTERM' }, child.output);
    assert.deepEqual(child.notes().slice(1), ['beforeStop', 'run ends', 'app destroy, draining', 'first destroy, draining', 'destroy', 'app shutdown, draining', 'onExit']);
  });

  it('in a Nest app a signal ends a start that waits for its transport', async (t) => {
    const child = spawn(t, 'nest waits');
    await child.until(/no bus; trying again/);
    child.kill('SIGTERM');
    assert.deepEqual(await child.exit, { code: null, signal: 'SIGTERM' }, child.output);
    assert.deepEqual(child.notes(), ['no start: the app was stopped while it started', 'app destroy, draining', 'first destroy, draining', 'destroy', 'app shutdown, draining', 'onExit']);
  });
});
