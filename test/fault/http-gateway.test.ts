import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect, type Server, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpAdapterHost } from '@nestjs/core';
import type { RpcContext } from '../../lib/common/call-context.js';
import { HttpGateway } from '../../lib/gateway/http/http-gateway.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { Ctx } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { gateway } from '../integration/http-gateway.support.js';
import { raw } from './http-raw.js';

/** More than the buffers of the operating system hold. */
const MUCH = 20_000_000;

let onWait: (signal: AbortSignal) => void = () => {};

@RpcModule({ type: 'x' })
class X {
  @Handler('/echo', { public: true, concurrent: true })
  async echo(text: string): Promise<string> {
    await new Promise(setImmediate);
    return text;
  }

  @Handler('/slow', { public: true, concurrent: true })
  slow(): Promise<void> {
    return sleep(160);
  }

  @Handler('/much', { public: true, concurrent: true })
  much(): Uint8Array {
    return new Uint8Array(MUCH);
  }

  @Handler('/wait', { public: true, concurrent: true })
  wait(@Ctx() { signal }: RpcContext): Promise<void> {
    onWait(signal);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
}

/** Status of an answer; the code of an error where there is none. */
function ask(port: number, agent: Agent, path = '/x/echo?args=["a"]'): Promise<number | string> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path, agent }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode!));
      answer.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'cut'));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    asked.end();
  });
}

describe('a gateway that stops under load', () => {
  it('cuts off no request', async (t) => {
    const { app, port } = await gateway(t, [X], {}, { graceMs: 50 });
    const outcomes = new Map<number | string, number>();
    let stopped: Promise<void> | undefined;
    // Each client has one connection, and asks until that is refused.
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        for (let count = 0; ; count++) {
          const outcome = await ask(port, agent);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          if (outcome !== 200) break;
          if (count === 20) stopped ??= app.stop();
        }
        agent.destroy();
      }),
    );
    await stopped;
    assert.deepEqual([...outcomes.keys()].filter((outcome) => outcome !== 200), ['ECONNREFUSED'], JSON.stringify([...outcomes]));
    assert.equal(outcomes.get('ECONNREFUSED'), 8);
    assert.ok(outcomes.get(200)! >= 8);
  });
});

describe('a gateway that is never idle', () => {
  it('stops all the same', async (t) => {
    const { app, port } = await gateway(t, [X], {}, { graceMs: 50 });
    const outcomes = new Set<number | string>();
    let asked = 0;
    let enough = (): void => {};
    const isBusy = new Promise<void>((resolve) => (enough = resolve));
    // A connection for each request, and always some at work.
    const clients = Array.from({ length: 8 }, async (_, i) => {
      await sleep(i * 20);
      for (let outcome: number | string = 200; outcome === 200; outcomes.add(outcome)) {
        outcome = await ask(port, new Agent(), '/x/slow');
        if (++asked === 16) enough();
      }
    });
    await isBusy;
    await app.stop();
    await Promise.all(clients);
    // What was on its way into the queue of a socket that closes is reset, and was never begun.
    assert.deepEqual([...outcomes].filter((outcome) => outcome !== 200 && outcome !== 'ECONNREFUSED' && outcome !== 'ECONNRESET'), []);
  });
});

describe('clients that go away', () => {
  it('leave nothing behind, however many there are', async (t) => {
    const { app, port, ask: good } = await gateway(t, [X]);
    const calls = new Set<AbortSignal>();
    onWait = (signal) => calls.add(signal);
    const asked = Array.from({ length: 200 }, () => raw(port, 'GET /x/wait HTTP/1.1\r\nHost: x\r\n\r\n'));
    // Their bodies never end.
    const sending = Array.from({ length: 50 }, () => raw(port, 'POST /x/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n["'));
    const working = (): number => app.get<HttpGateway>(HttpGateway).inFlight;
    while (calls.size < 200) await new Promise(setImmediate);
    assert.equal(working(), 200);
    for (const { socket } of [...asked, ...sending]) socket.destroy();
    while (working() > 0) await new Promise(setImmediate);
    assert.ok([...calls].every((signal) => signal.aborted));
    assert.equal((await good('/x/echo?args=["a"]')).status, 200);
  });
});

describe('clients that are slow on purpose', () => {
  for (const [what, text] of [
    ['headers', 'POST /x/echo HTTP/1.1\r\nHost: x\r\n'],
    ['a body', 'POST /x/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n['],
  ] as const) {
    it(`lose their connection when ${what} does not come`, async (t) => {
      const { port, ask: good } = await gateway(t, [X], { requestTimeoutMs: 300 });
      const socket = connect(port, '127.0.0.1');
      let answer = '';
      socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
      const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
      socket.write(text);
      await closed;
      assert.match(answer, /^HTTP\/1\.1 408 /);
      assert.equal((await good('/x/echo?args=["a"]')).status, 200);
    });
  }

  it('hold nobody up, however many there are', async (t) => {
    const { port, ask: good } = await gateway(t, [X], { requestTimeoutMs: 3000 });
    const header = 'GET /x/echo HTTP/1.1\r\nHost: x\r\n';
    const body = 'POST /x/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n[';
    const slow = Array.from({ length: 300 }, (_, i) => ({ ...raw(port, i % 2 ? header : body), drop: i % 2 ? 'X-Slow: a\r\n' : ' ' }));
    const drip = setInterval(() => {
      for (const { socket, drop } of slow) if (socket.writable) socket.write(drop);
    }, 50);
    t.after(() => clearInterval(drip));
    let isOver = false;
    const ends = Promise.all(slow.map(({ answer }) => answer)).finally(() => (isOver = true));
    let served = 0;
    for (; !isOver; served++) assert.equal((await good('/x/echo?args=["a"]')).status, 200);
    assert.ok(served > 10, `${served} others were served`);
    for (const answer of await ends) assert.match(answer, /^HTTP\/1\.1 408 [^]*"reason":"REQUEST_REFUSED"/);
  });

  it('lose their connection when they do not take their answer; who takes it slowly gets all of it', async (t) => {
    const { app, port } = await gateway(t, [X], { requestTimeoutMs: 3000 });
    const server = app.get<HttpAdapterHost>(HttpAdapterHost).httpAdapter.getHttpServer() as Server;
    const clients = 4;
    let closed = 0;
    const allClosed = new Promise<void>((resolve) => server.on('connection', (socket: Socket) => socket.once('close', () => ++closed === clients && resolve())));
    const ask = (): Socket => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.write('GET /x/much HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      return socket;
    };
    const slow = ask();
    let taken = 0;
    slow.on('data', (part: Buffer) => {
      taken += part.length;
      slow.pause();
      setTimeout(() => slow.resume(), 5);
    });
    const ended = new Promise<void>((resolve) => slow.on('close', () => resolve()));
    const deaf = Array.from({ length: clients - 1 }, () => ask().pause());
    await ended;
    assert.ok(taken > MUCH, `${taken} bytes`);
    // The server's doing: theirs are open.
    await allClosed;
    assert.ok(deaf.every((socket) => !socket.destroyed));
    for (const socket of deaf) socket.destroy();
  });

  it('and headers without end are refused', async (t) => {
    const { port } = await gateway(t, [X]);
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => {});
    socket.write(`GET /x/echo HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`);
    await closed;
    assert.match(answer, /^HTTP\/1\.1 431 /);
  });
});
