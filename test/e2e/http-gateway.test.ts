import assert from 'node:assert/strict';
import { after, before, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../integration/child.js';
import { describeWith, type RunningServer, startConsul, startNats } from '../services/index.js';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

const TRIES = 300;

describeWith('an HTTP gateway and its service in two processes', ['nats-server', 'consul'], () => {
  let servers: { nats: RunningServer; consul: RunningServer };

  before(async () => void (servers = { nats: await startNats(), consul: await startConsul() }));
  after(async () => {
    await Promise.all([servers?.nats.stop(), servers?.consul.stop()]);
  });

  const start = async (t: TestContext, role: 'service' | 'gateway'): Promise<Child> => {
    const child = new Child(t, '../e2e/fixture/http-node.js', { args: [role, servers.nats.url, servers.consul.url] });
    await child.until(role === 'gateway' ? /> port \d+\n/ : /> ready \d+\n/);
    return child;
  };

  async function rig(t: TestContext) {
    const service = await start(t, 'service');
    const gateway = await start(t, 'gateway');
    const [, port] = /> port (\d+)/.exec(gateway.output)!;
    const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    };
    /** Consul tells of a service a moment later than the service itself. */
    const until = async (path: string, isRight: (answer: Answer) => boolean): Promise<Answer> => {
      let answer = await ask(path);
      for (let tries = 0; !isRight(answer) && tries < TRIES; tries++) {
        await delay(100);
        answer = await ask(path);
      }
      assert.ok(isRight(answer), `${answer.status} ${answer.text}`);
      return answer;
    };
    await until('/slow/whoami', ({ status }) => status === 200);
    return { service, gateway, ask, until };
  }

  it('serve requests, and both know one by its id', async (t) => {
    const { ask, service } = await rig(t);
    const answer = await ask('/slow/whoami', { headers: { 'x-request-id': 'mine-1' } });
    assert.deepEqual([answer.status, answer.headers.get('x-request-id')], [200, 'mine-1']);
    assert.deepEqual(JSON.parse(answer.text), { pid: Number(/ready (\d+)/.exec(service.output)![1]), id: 'mine-1' });
  });

  it('the service refuses what is not public', async (t) => {
    const { ask } = await rig(t);
    const [hidden, missing] = [await ask('/slow/secret'), await ask('/slow/missing')];
    assert.deepEqual([hidden.status, missing.status], [404, 404]);
    assert.equal(hidden.text.replace(/"requestId":"\w+"/, ''), missing.text.replace(/"requestId":"\w+"/, ''));
    const wrong = await ask('/slow/wait?args=[1,2,3]');
    assert.match(wrong.text, /"the handler takes 1 argument\(s\), got 3"/);
    assert.doesNotMatch(wrong.text, /slow@/);
  });

  it('a client that goes away ends the call in the service', async (t) => {
    const { service, ask } = await rig(t);
    const leave = new AbortController();
    const asked = ask('/slow/wait?args=[60000]', { signal: leave.signal });
    await service.until(/> arrived/);
    leave.abort();
    await assert.rejects(asked, { name: 'AbortError' });
    await service.until(/> aborted/);
  });

  it('a service that is killed fails its requests, and is served again when it is back', async (t) => {
    const { service, ask, until } = await rig(t);
    const asked = ask('/slow/wait?args=[60000]');
    await service.until(/> arrived/);
    service.kill('SIGKILL');
    const lost = await asked;
    assert.ok([503, 504].includes(lost.status), `${lost.status} ${lost.text}`);
    assert.doesNotMatch(lost.text, /slow@|127\.0\.0\.1|nats/);
    const again = await start(t, 'service');
    const pid = Number(/ready (\d+)/.exec(again.output)![1]);
    await until('/slow/whoami', ({ status, text }) => status === 200 && (JSON.parse(text) as { pid: number }).pid === pid);
  });

  it('a gateway that is told to stop answers what is in flight, and ends well', async (t) => {
    const { service, gateway, ask } = await rig(t);
    const asked = ask('/slow/wait?args=[1500]');
    await service.until(/> arrived/);
    gateway.kill('SIGTERM');
    const answer = await asked;
    assert.deepEqual([answer.status, answer.text, answer.headers.get('connection')], [200, '"waited"', 'close']);
    assert.deepEqual(await gateway.exit, { code: 0, signal: null }, gateway.output);
  });
});
