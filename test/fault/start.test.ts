import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeWith, freePort } from '../services/index.js';
import { addrOf, eventually, faultRig, figure, healthyIn, lasts, reasons } from './rig.js';

describeWith('a start without servers', ['nats-server', 'consul'], () => {
  const rig = faultRig();

  it('waits for NATS, saying so, and comes up when it appears (F22)', async () => {
    const port = await freePort();
    const consul = await rig.consul();
    const node = rig.spawn({ name: 'node', services: ['echo'], nats: `nats://127.0.0.1:${port}`, consul: addrOf(consul) });
    const line = await node.line(/trying again/);
    assert.match(line, new RegExp(`cannot reach NATS at 127\\.0\\.0\\.1:${port} \\(.*ECONNREFUSED.*\\); start one with "nats-server", or name yours with nats\\(\\{ servers \\}\\); trying again`));
    await lasts(4000);
    assert.ok(node.isRunning, node.tail());
    const lines = node.log.filter((text) => text.includes('trying again')).length;
    assert.ok(lines >= 2 && lines <= 6, `${lines} lines in 4 s`);
    assert.deepEqual(await healthyIn(consul, 'echo'), [], 'it was advertised before it could be reached');
    const health = await node.ask({ do: 'health' });
    assert.deepEqual([health.state, health.ready], ['starting', false]);
    await rig.nats({ port });
    const from = performance.now();
    await node.ready(8000);
    figure(`NATS appears after the node: ready ${(performance.now() - from).toFixed(0)} ms later`);
    assert.equal((await node.call('echo', '/echo', ['x'])).value, 'x');
    assert.equal((await healthyIn(consul, 'echo')).length, 1);
    await node.stop();
  });

  it('with failFast the first refusal of NATS is thrown, with address and remedy', async () => {
    const port = await freePort();
    const consul = await rig.consul();
    const node = rig.spawn({ name: 'node', services: ['echo'], nats: `nats://127.0.0.1:${port}`, consul: addrOf(consul), failFast: true });
    assert.match(await node.failure(), new RegExp(`^cannot reach NATS at 127\\.0\\.0\\.1:${port} \\(.*ECONNREFUSED.*\\); start one with "nats-server"`));
    // Nothing is left that would keep the process alive.
    const exit = await node.exited;
    assert.deepEqual([exit.code, exit.signal], [0, null], node.tail());
    assert.deepEqual(await healthyIn(consul, 'echo'), []);
  });

  it('with failFast the first refusal of Consul is thrown, with address and remedy', async () => {
    const port = await freePort();
    const nats = await rig.nats();
    const node = rig.spawn({ name: 'node', services: ['echo'], nats: nats.url, consul: `127.0.0.1:${port}`, failFast: true });
    assert.match(await node.failure(), new RegExp(`consul at 127\\.0\\.0\\.1:${port} cannot be reached \\(ECONNREFUSED\\); check that the agent runs and that the address is right`));
    await node.exited;
  });

  it('starts without Consul, with red health, and registers when it appears', async () => {
    const port = await freePort();
    const nats = await rig.nats();
    const node = await rig.start({ name: 'node', services: ['echo'], nats: nats.url, consul: `127.0.0.1:${port}` });
    const red = await node.ask({ do: 'health' });
    assert.deepEqual([red.state, red.ready], ['ready', false]);
    const details = red.parts.filter(({ status }) => status === 'down').map(({ name, detail }) => `${name}: ${detail}`).join('\n');
    assert.match(details, new RegExp(`registry consul: consul at 127\\.0\\.0\\.1:${port} cannot be reached \\(ECONNREFUSED\\)`));
    assert.match(details, /registration: node echo@\w+ not registered/);
    // Callers that know the service from elsewhere are not kept out: it listens.
    const { record } = await node.call('echo', '/echo', ['x']);
    assert.equal(record.error?.code, 'UNAVAILABLE', reasons([record]));
    const consul = await rig.consul({ port });
    const ms = await eventually('the registration', 8000, async () => (await healthyIn(consul, 'echo')).length === 1);
    await eventually('green health', 8000, async () => (await node.ask({ do: 'health' })).ready);
    figure(`Consul appears after the node: registered ${ms.toFixed(0)} ms later`);
    await eventually('a call', 3000, async () => (await node.call('echo', '/echo', ['x'])).value === 'x');
    const warnings = node.log.filter((line) => /WARN/.test(line));
    assert.ok(warnings.length <= 6, `${warnings.length} warnings:\n${warnings.join('\n')}`);
    await node.stop();
  });
});
