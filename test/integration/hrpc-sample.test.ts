import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { describeWith, freePort, freePorts, projectRoot, startConsul } from '../services/index.js';
import { Child } from './child.js';

const readme = readFileSync(join(projectRoot(), 'sample/02-hrpc/README.md'), 'utf8');
const blocks = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].map(([, text]) => text!);

/** What the buyer prints, as the README has it: addresses, ports and ids differ. */
const shown = (block: string): string[] => block.trimEnd().split('\n').filter((line) => !line.startsWith('[Nest]')).map(general);
const general = (line: string): string =>
  line
    .replace(/^order \d{18}:/, 'order ID:')
    .replace(/: [\d.]+:\d+,/, ': ADDRESS,')
    .replace(/(auth-center|order|local):\d+/g, '$1:PORT');

/** The arguments of the README's command for a process group. */
function argumentsOf(group: string): string[] {
  const line = readme.split('\n').find((text) => text.includes('02-hrpc/main.js') && text.endsWith(`-pid ${group}`));
  assert.ok(line, `the README starts ${group}`);
  return line.slice(line.indexOf('main.js') + 'main.js '.length).split(' ');
}

const start = (t: TestContext, args: readonly string[], env: Record<string, string>): Child => new Child(t, '../../sample/02-hrpc/main.js', { args, cwd: projectRoot(), env: { ANTHILL_ADVERTISE__HOST: '127.0.0.1', ...env } });

const printed = (child: Child): string[] => child.output.split('\n').filter((line) => line !== '' && !line.startsWith('[Nest]')).map(general);

async function ends(child: Child): Promise<void> {
  child.kill('SIGTERM');
  assert.deepEqual(await child.exit, { code: 0, signal: null }, child.output);
  assert.ok(child.output.trimEnd().endsWith('bye'), child.output);
}

describe('sample 02-hrpc', () => {
  it('runs in one process and prints what the README says', { timeout: 60_000 }, async (t) => {
    const child = start(t, [], { ANTHILL_GRPC__PORT: `${await freePort()}`, CONFIGS_ADDR: '' });
    await child.until(/the tag 'production'/);
    assert.deepEqual(printed(child), shown(blocks[0]!));
    await ends(child);
  });
});

describeWith('sample 02-hrpc over Consul', ['consul'], () => {
  it('runs in two processes, registered as hrpc does it, and prints what the README says', { timeout: 120_000 }, async (t) => {
    const [consul, [authPort = 0, orderPort = 0, authHealth = 0, orderHealth = 0]] = await Promise.all([startConsul(), freePorts(4)]);
    t.after(() => consul.stop());
    const agent = `http://127.0.0.1:${consul.port}/v1`;
    assert.ok((await fetch(`${agent}/kv/development/services/order/limit`, { method: 'PUT', body: '5' })).ok);
    const env = { CONFIGS_ADDR: `127.0.0.1:${consul.port}` };
    const order = start(t, argumentsOf('order'), { ...env, ANTHILL_GRPC__PORT: `${orderPort}`, ANTHILL_HEALTH__PORT: `${orderHealth}` });
    const auth = start(t, argumentsOf('auth'), { ...env, ANTHILL_GRPC__PORT: `${authPort}`, ANTHILL_HEALTH__PORT: `${authHealth}` });
    await order.until(/the tag 'production'/);
    assert.deepEqual(printed(order), shown(blocks[2]!));

    const rows = (await (await fetch(`${agent}/health/service/auth-center?passing=1&tag=development`)).json()) as { Service: { ID: string; Port: number; Tags: string[] } }[];
    assert.equal(rows.length, 1);
    const [{ Service }] = rows as [(typeof rows)[number]];
    assert.match(Service.ID, /^\d{18,19}$/);
    assert.deepEqual([Service.Port, Service.Tags], [authPort, ['development']]);
    const checks = (await (await fetch(`${agent}/agent/checks`)).json()) as Record<string, { ServiceID: string; Definition: object; Type: string }>;
    assert.equal(Object.values(checks).find((check) => check.ServiceID === Service.ID)?.Type, 'http');
    assert.equal(await (await fetch(`http://127.0.0.1:${authHealth}/`)).text(), "I'm alive.");

    await ends(order);
    await ends(auth);
    assert.deepEqual(await (await fetch(`${agent}/health/service/auth-center`)).json(), []);
  });
});
