import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { describeWith, freePorts, projectRoot, startConsul } from '../services/index.js';
import { Child } from './child.js';
import { until } from './grpc-client.support.js';

const readme = readFileSync(join(projectRoot(), 'sample/03-addservice/README.md'), 'utf8');

/** The share that each node had of a round of calls, as the client prints it; undefined for other lines. */
function roundOf(line: string): number[] | undefined {
  const match = /^(\d+) calls in \d+ ms, 0 failed: (.*)$/.exec(line);
  return match ? match[2]!.split(', ').map((part) => Number(part.split(' ')[1])) : undefined;
}

const rounds = (text: string): number[][] => text.split('\n').flatMap((line) => (roundOf(line) ? [roundOf(line)!] : []));

/** Waits until a round from now on looks like this. */
async function untilRound(child: Child, wanted: readonly number[]): Promise<void> {
  const from = child.output.length;
  await until(() => rounds(child.output.slice(from)).some((round) => String(round) === String(wanted)));
}

describe('sample 03-addservice', () => {
  it('runs in one process and prints what the README says', async (t) => {
    const child = new Child(t, '../../sample/03-addservice/three.js', { cwd: projectRoot() });
    assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    const [shown] = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].map(([, text]) => rounds(text!));
    assert.deepEqual(shown, [[100, 100, 100], [75, 75, 75, 75], [100, 100, 100]]);
    assert.deepEqual(rounds(child.output), shown, child.output);
    assert.doesNotMatch(child.output, /[1-9]\d* failed/);
  });
});

describeWith('sample 03-addservice over Consul', ['consul'], () => {
  it('spreads calls, loses none when a server is killed, and uses a new one at once', { timeout: 150_000 }, async (t) => {
    const [consul, ports] = await Promise.all([startConsul(), freePorts(4)]);
    t.after(() => consul.stop());
    const start = (pid: string, port = 0): Child => {
      const line = readme.split('\n').find((text) => text.includes('03-addservice/main.js') && text.endsWith(`-pid ${pid}`));
      assert.ok(line, `the README starts a ${pid}`);
      const args = line.slice(line.indexOf('main.js') + 'main.js '.length).split(' ');
      return new Child(t as TestContext, '../../sample/03-addservice/main.js', {
        args,
        cwd: projectRoot(),
        env: { ANTHILL_REGISTRY__ADDR: `127.0.0.1:${consul.port}`, ANTHILL_GRPC__PORT: `${port}`, ANTHILL_ADVERTISE__HOST: '127.0.0.1', ANTHILL_MODULES__ADDER__SETTINGS__PauseMs: '300' },
      });
    };
    const servers = ports.slice(0, 3).map((port) => start('server', port));
    await Promise.all(servers.map((server) => server.until(/ready: add@/)));
    const client = start('client');
    await untilRound(client, [100, 100, 100]);
    servers[0]!.kill('SIGKILL');
    await untilRound(client, [150, 150]);
    const fourth = start('server', ports[3]);
    await fourth.until(/ready: add@/);
    await untilRound(client, [100, 100, 100]);
    assert.doesNotMatch(client.output, /, [1-9]\d* failed/, client.output);

    const rows = (await (await fetch(`http://127.0.0.1:${consul.port}/v1/health/service/grpc.health.v1.add`)).json()) as { Service: { ID: string; Port: number; Tags: string[] } }[];
    assert.deepEqual(rows.map(({ Service }) => Service.ID).sort(), ports.map((port) => `add-127.0.0.1-${port}`).sort());
    assert.ok(rows.every(({ Service }) => Service.Tags.join() === 'hatlonely'));
    for (const child of [client, servers[1]!, servers[2]!, fourth]) {
      child.kill('SIGTERM');
      assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
    }
  });
});
