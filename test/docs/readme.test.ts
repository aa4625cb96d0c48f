import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { describeWith, freePort, projectRoot, type RunningServer, startConsul, startNats } from '../services/index.js';
import { compileSnippets } from './compile-snippets.js';
import { blocksOf } from './markdown.js';

const blocks = blocksOf('README.md');
const main = compileSnippets(['README.md']).find(({ compiled }) => compiled.endsWith('main.js'))!;
const config = blocks.find(({ language }) => language === 'jsonc')!.code;
const transcript = blocks.filter(({ language }) => language === 'console');

/** A process that prints, and lives in a folder of its own. */
class Run {
  output = '';
  private readonly child: ChildProcess;

  constructor(script: string, folder: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [script, ...args], { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
  }

  /** Resolves when the text was printed; rejects when the process ends before, or `signal` aborts. */
  async says(text: string, signal: AbortSignal): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`it ended without saying "${text}":\n${this.output}`);
      await Promise.race([once(this.child.stdout!, 'data', { signal }), once(this.child, 'close', { signal })]);
    }
  }

  /** SIGTERM, and the exit code. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
    return this.child.exitCode;
  }
}

describe('README: the sample', () => {
  const source = (file: string) => readFileSync(join(projectRoot(), 'sample/01-hello', file), 'utf8').trim();

  it('is shown as it is', () => {
    const shown = blocks.find(({ code }) => code.startsWith('// helloworld.ts\n'))!.code;
    assert.equal(shown.slice(shown.indexOf('\n') + 1), source('helloworld.ts'));
    const excerpt = blocks.find(({ words }) => words.includes('fragment'))!.code.split('\n');
    for (const line of excerpt.filter((text) => !text.trim().startsWith('//'))) assert.ok(source('web.ts').includes(line.trim()), line);
  });

  it('answers what is shown', { timeout: 60_000 }, async ({ signal }) => {
    const port = await freePort();
    const run = new Run(join(projectRoot(), 'dist/sample/01-hello/main.js'), projectRoot(), ['-conf', 'sample/01-hello/bin/conf/server.json'], { ANTHILL_MODULES__WEB__SETTINGS__PORT: `${port}` });
    try {
      const [shown] = transcript;
      const [, offer, , , answer] = shown!.code.split('\n');
      await run.says(offer!.replace('8080', `${port}`), signal);
      const url = /'(.*)'/.exec(offer!)![1]!.replace('8080', `${port}`);
      assert.equal(await (await fetch(url)).text(), `${answer}\n`);
    } finally {
      assert.equal(await run.stop(), 0, run.output);
    }
  });
});

describe('README: two processes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'anthill-readme-'));
  after(() => rmSync(folder, { recursive: true }));

  it('take at most 16 lines, config included', () => {
    const lines = [...main.block.code.split('\n'), ...config.split('\n')].filter((line) => line.trim() !== '' && !/^\s*\/\//.test(line) && !/^[{}]$/.test(line));
    assert.ok(lines.length <= 16, `${lines.length} lines`);
  });

  it('are one process without config', { timeout: 60_000 }, async ({ signal }) => {
    const run = new Run(main.compiled, folder);
    await run.says('hi mqant\n', signal);
    assert.equal(await run.stop(), 0, run.output);
  });
});

describeWith('README: two processes over NATS and Consul', ['nats-server', 'consul'], () => {
  const folder = mkdtempSync(join(tmpdir(), 'anthill-readme-'));
  let servers: RunningServer[];
  before(async () => {
    mkdirSync(join(folder, 'bin/conf'), { recursive: true });
    writeFileSync(join(folder, 'bin/conf/server.json'), config);
    servers = await Promise.all([startNats(), startConsul()]);
  });
  after(async () => {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true });
  });

  it('call each other', { timeout: 60_000 }, async ({ signal }) => {
    const [nats, consul] = servers;
    const env = { ANTHILL_NATS_URL: nats!.url, ANTHILL_CONSUL_ADDR: consul!.url };
    const commands = transcript[1]!.code.split('\n').filter((line) => line.startsWith('$ ')).map((line) => line.split(' ').slice(3));
    const runs: Run[] = [];
    try {
      // As a reader would: the second terminal comes after the first has started.
      runs.push(new Run(main.compiled, folder, commands[0], env));
      await registered(consul!.url, 'helloworld', signal);
      runs.push(new Run(main.compiled, folder, commands[1], env));
      await runs[1]!.says('hi mqant\n', signal);
      assert.ok(!runs[0]!.output.includes('hi mqant'), runs[0]!.output);
    } finally {
      for (const run of runs.reverse()) assert.equal(await run.stop(), 0, run.output);
    }
    assert.deepEqual(await (await fetch(`${consul!.url}/v1/health/service/helloworld`)).json(), []);
  });
});

/** Waits with Consul, not by the clock, for a healthy node. */
async function registered(consul: string, service: string, signal: AbortSignal): Promise<void> {
  for (let index = '0'; ; ) {
    const response = await fetch(`${consul}/v1/health/service/${service}?passing=1&index=${index}&wait=30s`, { signal });
    index = response.headers.get('x-consul-index') ?? '0';
    if (((await response.json()) as unknown[]).length > 0) return;
  }
}
