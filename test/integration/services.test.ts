import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { it } from 'node:test';
import { describeWith, startConsul, startNats } from '../services/index.js';

/** The first bytes NATS sends, or what went wrong. */
async function greeting(port: number, timeoutMs = 5_000): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', signal: AbortSignal.timeout(timeoutMs) });
  try {
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString('latin1').slice(0, 4);
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  } finally {
    socket.destroy();
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describeWith('a NATS server for tests', ['nats-server'], () => {
  it('greets, dies by kill, and returns on the same port', async (t) => {
    const nats = await startNats();
    t.after(() => nats.stop());
    assert.equal(await greeting(nats.port), 'INFO');
    const before = nats.pid;
    await nats.kill();
    assert.equal(isAlive(before), false);
    assert.equal(await greeting(nats.port), 'ECONNREFUSED');
    await nats.restart();
    assert.notEqual(nats.pid, before);
    assert.equal(await greeting(nats.port), 'INFO');
  });

  it('stays silent while paused, and stops even then', async (t) => {
    const nats = await startNats();
    t.after(() => nats.stop());
    nats.pause();
    assert.equal(await greeting(nats.port, 200), 'ABORT_ERR');
    nats.resume();
    assert.equal(await greeting(nats.port), 'INFO');
    nats.pause();
    const { pid } = nats;
    await nats.stop();
    assert.equal(isAlive(pid), false);
  });

  it('takes configuration, and a mistake in it is an error with the log of the server', async (t) => {
    const nats = await startNats({ config: 'max_payload: 2MB' });
    t.after(() => nats.stop());
    await assert.rejects(startNats({ config: 'max_payload: {' }), /nats-server ended while starting; its log:[^]*Parse error on line/);
  });

  it('dies with a test process that is killed', { skip: process.platform === 'linux' ? false : 'PR_SET_PDEATHSIG is Linux' }, async () => {
    const module = new URL('../services/nats.js', import.meta.url).href;
    const script = `const { startNats } = await import(${JSON.stringify(module)});
      process.stdout.write(String((await startNats()).port)); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(parent.stdout, 'data')) as [Buffer];
    assert.equal(await greeting(Number(port)), 'INFO');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    let answer = await greeting(Number(port));
    for (const end = Date.now() + 5_000; answer === 'INFO' && Date.now() < end; ) answer = await greeting(Number(port));
    assert.notEqual(answer, 'INFO');
  });
});

describeWith('a Consul agent for tests', ['consul'], () => {
  it('registers a service, forgets it by kill, and returns on the same port', async (t) => {
    const consul = await startConsul();
    t.after(() => consul.stop());
    const put = { method: 'PUT', body: JSON.stringify({ ID: 'a@1', Name: 'a', Port: 1 }) };
    assert.equal((await fetch(`${consul.url}/v1/agent/service/register`, put)).status, 200);
    const services = async () => Object.keys((await (await fetch(`${consul.url}/v1/agent/services`)).json()) as object);
    assert.deepEqual(await services(), ['a@1']);
    await consul.kill();
    await assert.rejects(services());
    await consul.restart();
    assert.deepEqual(await services(), []);
  });
});
