import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { describeWith, freePort, projectRoot, startConsul, startNats } from '../services/index.js';
import { Child } from './child.js';

const folder = join(projectRoot(), 'sample/01-hello');
const readme = readFileSync(join(folder, 'README.md'), 'utf8');

/** `$ curl ...` and what it prints, as the README has it. */
const asked = [...readme.matchAll(/^\$ curl '(http:\/\/127\.0\.0\.1:8080)([^']*)'\n(.*)$/gm)].map(([, , path, answer]) => ({ path: path!, answer: answer! }));

/** The arguments of a command of the README. */
function argumentsOf(word: string): string[] {
  const line = readme.split('\n').find((text) => text.startsWith('node dist/sample/01-hello/main.js') && text.endsWith(word));
  assert.ok(line, `the README runs "${word}"`);
  return line.split(' ').slice(2);
}

const start = (t: TestContext, port: number, args: readonly string[], env: Record<string, string> = {}): Child =>
  new Child(t, '../../sample/01-hello/main.js', { args, cwd: projectRoot(), env: { ANTHILL_MODULES__WEB__SETTINGS__Port: `${port}`, ...env } });

const ask = async (port: number, path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text();

/** A line of the README, as a pattern: process numbers, times and node ids differ. */
function pattern(line: string): RegExp {
  const text = line.slice(line.indexOf('[Anthill]')).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(text.replace(/@[0-9a-f]{16}/g, '@[0-9a-f]{16}'));
}

const shown = (word: string): RegExp[] => readme.split('\n').filter((line) => line.includes('[Anthill]') && line.includes(word)).map(pattern);

describe('sample 01-hello', () => {
  for (const [how, args] of [['without config', []], ['with its server.json', ['-wd', 'sample/01-hello']]] as const) {
    it(`runs in one process ${how} and answers what the README says`, async (t) => {
      const port = await freePort();
      const child = start(t, port, args);
      await child.until(new RegExp(`try: curl 'http://127\\.0\\.0\\.1:${port}/say\\?name=mqant'`));
      const [ready] = shown('transport=memory');
      await child.until(ready!);
      assert.equal(asked.length, 4);
      for (const { path, answer } of asked.slice(0, 3)) assert.equal(await ask(port, path), `${answer}\n`);
      assert.equal((await fetch(`http://127.0.0.1:${port}/nothing`)).status, 404);
      child.kill('SIGINT');
      assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    });
  }

  it('says so when its port is in use', async (t) => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => server.listen(0, () => resolve((server.address() as { port: number }).port)));
    t.after(() => server.close());
    const child = start(t, port, []);
    assert.deepEqual(await child.exit, { code: 1, signal: null }, child.output);
    assert.match(child.output, new RegExp(`run\\(\\) of module 'web' failed; stopping the app error="Error: port ${port} is in use: stop the process that has it, or set Module\\.web\\[\\]\\.Settings\\.Port in server\\.json"`));
  });
});

describeWith('sample 01-hello in two processes', ['nats-server', 'consul'], () => {
  it('runs by -pid over NATS and Consul, as the README says', async (t) => {
    const [nats, consul, port] = await Promise.all([startNats(), startConsul(), freePort()]);
    t.after(() => Promise.all([nats.stop(), consul.stop()]));
    const env = { ANTHILL_NATS_URL: nats.url, ANTHILL_CONSUL_ADDR: `127.0.0.1:${consul.port}` };
    const front = start(t, port, argumentsOf('-pid front'), env);
    const backend = start(t, port, argumentsOf('-pid backend'), env);
    for (const line of [...shown("'front'"), ...shown(': web@')]) await front.until(line);
    for (const line of [...shown("'backend'"), ...shown(': helloworld@').slice(1)]) await backend.until(line);
    for (const { path, answer } of asked.slice(0, 3)) assert.equal(await ask(port, path), `${answer}\n`);

    const second = start(t, port, argumentsOf('-pid backend'), env);
    await second.until(/ready: helloworld/);
    // Calls go on while one of two stops.
    const stopped = new AbortController();
    const asking = (async () => {
      const answers = new Set<string>();
      while (!stopped.signal.aborted) answers.add(await ask(port, '/say?name=mqant'));
      return answers;
    })();
    backend.kill('SIGTERM');
    assert.deepEqual(await backend.exit, { code: 0, signal: null }, backend.output);
    stopped.abort();
    assert.deepEqual([...(await asking)], ['hi mqant\n']);

    second.kill('SIGTERM');
    assert.deepEqual(await second.exit, { code: 0, signal: null }, second.output);
    const gone = await fetch(`http://127.0.0.1:${port}${asked[3]!.path}`);
    assert.deepEqual([gone.status, await gone.text()], [503, `${asked[3]!.answer}\n`]);
    front.kill('SIGTERM');
    assert.deepEqual(await front.exit, { code: 0, signal: null }, front.output);
  });
});
