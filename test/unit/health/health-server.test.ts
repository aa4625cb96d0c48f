import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import type { AppHealth } from '../../../lib/common/lifecycle.js';
import { silentLogger } from '../../../lib/common/logger.js';
import { type HealthOptions, HealthServer } from '../../../lib/health/health.server.js';

describe('health server', () => {
  const open: HealthServer[] = [];
  let health: AppHealth = { state: 'ready', ready: true, serving: true, parts: [] };

  const start = async (options: HealthOptions = {}, patienceMs?: number) => {
    const server = new HealthServer({ port: 0, host: '127.0.0.1', ...options }, { health: () => health, logger: silentLogger, ...(patienceMs !== undefined && { patienceMs }) });
    open.push(server);
    await server.start();
    return server;
  };
  const ask = async (server: HealthServer, path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.text(), headers: answer.headers };
  };
  /** A client that sends what it is told and waits to be cut off; what it got. */
  const cutOff = async (server: HealthServer, text: string): Promise<string> => {
    const socket = connect(server.port!, '127.0.0.1');
    let got = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (got += chunk)).on('error', () => {});
    socket.write(text);
    await once(socket, 'close', { signal: AbortSignal.timeout(10_000) });
    return got;
  };

  afterEach(async () => {
    health = { state: 'ready', ready: true, serving: true, parts: [] };
    for (const server of open.splice(0)) await server.stop();
  });

  it('tells liveness from readiness', async () => {
    const server = await start();
    assert.deepEqual([(await ask(server, '/livez')).status, (await ask(server, '/readyz')).status], [200, 200]);
    health = { state: 'draining', ready: false, serving: false, parts: [{ name: 'transport nats', status: 'down', detail: 'away' }] };
    const [live, ready] = [await ask(server, '/livez'), await ask(server, '/readyz?verbose')];
    assert.deepEqual([live.status, live.body], [200, 'ok\n']);
    assert.deepEqual([ready.status, ready.type, JSON.parse(ready.body)], [503, 'application/json; charset=utf-8', health]);
    assert.equal(ready.headers.get('cache-control'), 'no-store');
  });

  it("answers as hrpc does on any other path, but not while no call is answered, which hrpc does not know", async () => {
    const server = await start();
    for (const path of ['/', '/health', '//x?y']) {
      const { status, body } = await ask(server, path);
      assert.deepEqual([status, body], [200, "I'm alive."], path);
    }
    health = { state: 'starting', ready: false, serving: false, parts: [{ name: 'transport nats', status: 'down' }] };
    const { status, body } = await ask(server, '/');
    assert.deepEqual([status, body], [503, 'not serving: starting, down: transport nats']);
  });

  it('answers HEAD without a body, and nothing that would change something', async () => {
    const server = await start();
    assert.deepEqual([(await ask(server, '/readyz', 'HEAD')).status, (await ask(server, '/readyz', 'HEAD')).body], [200, '']);
    const { status, headers } = await ask(server, '/readyz', 'POST');
    assert.deepEqual([status, headers.get('allow')], [405, 'GET, HEAD']);
  });

  it('cuts off who is slow with a request, who says nothing, and who sends too much', async () => {
    const server = await start({}, 200);
    assert.match(await cutOff(server, 'GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: '), /^HTTP\/1\.1 408 /);
    assert.match(await cutOff(server, 'GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123'), /^HTTP\/1\.1 200 /);
    await cutOff(server, '');
    assert.match(await cutOff(server, `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
    assert.match(await cutOff(server, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
    assert.equal((await ask(server, '/livez')).status, 200, 'the others are served all the same');
  });

  it('stops at once, with a connection open', async () => {
    const server = await start();
    const socket = connect(server.port!, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await server.stop();
    await closed;
    assert.equal(server.port, undefined);
    await server.stop();
  });

  it('is known by its port where it listens, and not at all where it does not', async () => {
    const server = await start();
    // It listens there and nowhere else, whatever the others of the process do.
    assert.deepEqual(server.endpoints({ type: 'x', host: '10.0.0.5' }), { 'anthill.health': `127.0.0.1:${server.port}` });
    const everywhere = await start({ host: '0.0.0.0' });
    assert.deepEqual(everywhere.endpoints({ type: 'x', host: '10.0.0.5' }), { 'anthill.health': `10.0.0.5:${everywhere.port}` });
    await server.stop();
    assert.deepEqual(server.endpoints({ type: 'x', host: '10.0.0.5' }), {});
  });

  it('says why it cannot listen, and which key to change', async () => {
    const first = await start();
    await assert.rejects(start({ port: first.port! }), { reason: 'HEALTH_PORT', message: new RegExp(`cannot listen on 127\\.0\\.0\\.1:${first.port}: another process listens there; set Anthill\\.health\\.port`) });
    await assert.rejects(start({ host: '192.0.2.1' }), { reason: 'HEALTH_PORT', message: /no such address/ });
  });
});
