import { connect } from '@nats-io/transport-node';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { CountEvent } from '../../lib/common/events.js';
import { RpcError } from '../../lib/common/rpc-error.js';
import { transportContract } from '../../lib/testing/transport.contract.js';
import { Inbox, Observed } from '../../lib/testing/transport.probe.js';
import { nats, type NatsOptions } from '../../lib/transport/nats/index.js';
import { describeWith, freePort, startNats, type NatsOptions as ServerOptions, type RunningServer } from '../services/index.js';

describeWith('nats transport', ['nats-server'], () => {
  transportContract('nats', async () => {
    const server = await startNats();
    return {
      transport: () => nats({ servers: server.url }),
      cut: () => server.kill(),
      restore: () => server.restart(),
      close: () => server.stop(),
    };
  });

  describe('nats transport', { timeout: 60_000 }, () => {
    const cleanups: (() => unknown)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });
    const start = async (options?: ServerOptions): Promise<RunningServer> => {
      const server = await startNats(options);
      cleanups.push(() => server.stop());
      return server;
    };
    const make = (options: NatsOptions): Observed => {
      const observed = new Observed(nats(options));
      cleanups.push(() => observed.transport.close());
      return observed;
    };
    const open = async (options: NatsOptions): Promise<Observed> => {
      const observed = make(options);
      await observed.transport.connect();
      return observed;
    };
    const listening = async (server: Server): Promise<number> => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => server.close());
      return (server.address() as { port: number }).port;
    };

    describe('connecting', () => {
      it('says which address refused it, and can be tried again', async () => {
        const port = await freePort();
        const { transport } = make({ servers: `127.0.0.1:${port}` });
        await assert.rejects(transport.connect(), told('TRANSPORT_DOWN', `127.0.0.1:${port}`, 'ECONNREFUSED', 'nats-server'));
        await start({ port });
        await transport.connect();
        assert.equal(transport.isUp, true);
      });

      it('tries the next server of a list', async () => {
        const server = await start();
        const { transport } = await open({ servers: [`nats://127.0.0.1:${await freePort()}`, server.url] });
        assert.equal(transport.isUp, true);
      });

      it('says when something else listens there', async () => {
        const port = await listening(createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
        await assert.rejects(make({ servers: `127.0.0.1:${port}` }).transport.connect(), told('TRANSPORT_DOWN', `127.0.0.1:${port}`, 'unexpected response'));
      });

      it('says when nobody answers', async () => {
        const silent: Socket[] = [];
        const port = await listening(createServer((socket) => void silent.push(socket)));
        cleanups.push(() => silent.forEach((socket) => socket.destroy()));
        const { transport } = make({ servers: `127.0.0.1:${port}`, connectTimeoutMs: 100 });
        await assert.rejects(transport.connect(), told('TRANSPORT_DOWN', `127.0.0.1:${port}`, 'within 100 ms'));
      });

      it('stops waiting when aborted', async () => {
        const abort = new AbortController();
        const silent: Socket[] = [];
        const port = await listening(createServer((socket) => (silent.push(socket), abort.abort(new Error('enough')))));
        cleanups.push(() => silent.forEach((socket) => socket.destroy()));
        await assert.rejects(make({ servers: `127.0.0.1:${port}` }).transport.connect(abort.signal), /enough/);
      });
    });

    describe('credentials', () => {
      const config = 'authorization { users: [{ user: anna, password: "p@ss word" }] }';

      it('are given as options or in front of the host', async () => {
        const server = await start({ config });
        await open({ servers: server.url, user: 'anna', pass: 'p@ss word' });
        await open({ servers: `nats://anna:p%40ss%20word@${server.host}:${server.port}` });
        const guarded = await start({ config: 'authorization { token: "t0ken" }' });
        await open({ servers: guarded.url, token: 't0ken' });
        await open({ servers: `nats://t0ken@${guarded.host}:${guarded.port}` });
      });

      it('that are wrong are a clear error that never shows them', async () => {
        const server = await start({ config });
        for (const options of [{ servers: server.url, user: 'anna', pass: 'canary' }, { servers: `nats://anna:canary@127.0.0.1:${server.port}` }, { servers: server.url, token: 'canary' }]) {
          const { transport } = make(options);
          await assert.rejects(transport.connect(), (error) => {
            assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /canary/);
            return told('TRANSPORT_DENIED', `127.0.0.1:${server.port}`, 'credentials')(error);
          });
        }
      });

      it('that are revoked later are tried again slowly, and work when restored', async () => {
        const server = await start({ config });
        const errors = counted('nats.error', 3);
        const observed = await open({ servers: server.url, user: 'anna', pass: 'p@ss word', reconnectTimeWaitMs: 30 });
        const { transport } = observed;
        await server.kill();
        assert.equal(await observed.link(), false);
        const other = await startNats({ port: server.port, config: 'authorization { token: "other" }' });
        cleanups.push(() => other.stop());
        const times = await errors;
        for (const i of [1, 2]) assert.ok(times[i]! - times[i - 1]! >= 290, `tried again after ${times[i]! - times[i - 1]!} ms`);
        assert.throws(() => transport.send('x', Uint8Array.of(1)), told('TRANSPORT_DENIED', 'credentials'));
        assert.match(transport.health().detail ?? '', /credentials/);
        assert.equal(observed.logged.filter((line) => line.includes('credentials')).length, 1);
        await other.stop();
        await server.restart();
        assert.equal(await observed.link(), true);
        transport.send('x', Uint8Array.of(1), 4);
        assert.equal(await observed.undeliverable(), 4);
      });
    });

    describe('permissions', () => {
      const config = `authorization { users: [{ user: u, password: p, permissions: {
        publish: { deny: "secret.>" }, subscribe: { deny: ["secret.>", "hidden.>"] } } }] }`;

      it('missing for a subscription reject it; the connection stays', async () => {
        const server = await start({ config });
        const { transport } = await open({ servers: server.url, user: 'u', pass: 'p' });
        await assert.rejects(transport.subscribe('secret.x', () => {}), told('TRANSPORT_DENIED', 'secret.x', 'permissions'));
        assert.deepEqual(transport.health(), { status: 'up' });
        const inbox = await Inbox.open(transport, 'node', 'a@1');
        transport.send(inbox.address, Uint8Array.of(1));
        await inbox.take(1);
      });

      it('missing for a message are said once in the log', async () => {
        const server = await start({ config });
        const observed = await open({ servers: server.url, user: 'u', pass: 'p' });
        const errors = counted('nats.error', 3);
        for (let i = 0; i < 3; i++) observed.transport.send('secret.x', Uint8Array.of(i));
        await errors;
        assert.equal(observed.logged.filter((line) => line.includes('secret.x')).length, 1);
      });

      it('missing for the answers of the server refuse the connection, and say so', async () => {
        const server = await start({ config });
        const { transport } = make({ servers: server.url, user: 'u', pass: 'p', inboxPrefix: 'hidden' });
        await assert.rejects(transport.connect(), told('TRANSPORT_DENIED', 'hidden.', 'permissions'));
        assert.equal(transport.isUp, false);
      });
    });

    describe('TLS', () => {
      it('wanted by us and not offered is a clear error', async () => {
        const server = await start();
        await assert.rejects(make({ servers: `tls://127.0.0.1:${server.port}` }).transport.connect(), told('TRANSPORT_DOWN', 'no TLS', String(server.port)));
      });

      it('is refused with an unknown authority and works with a known one', { skip: hasOpenssl() ? false : 'needs openssl to make a certificate' }, async () => {
        const folder = mkdtempSync(join(tmpdir(), 'anthill-tls-'));
        cleanups.push(() => rmSync(folder, { recursive: true }));
        const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
        const san = 'subjectAltName=DNS:localhost';
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=test', '-addext', san, '-keyout', key, '-out', cert], { stdio: 'ignore' });
        const port = await freePort();
        // Its probe waits for a greeting, which comes before TLS.
        await start({ port, config: `tls { cert_file: "${cert}", key_file: "${key}" }` });
        await assert.rejects(make({ servers: `tls://localhost:${port}` }).transport.connect(), told('TRANSPORT_DOWN', 'no TLS', 'SELF_SIGNED', 'caFile'));
        const { transport } = await open({ servers: `tls://localhost:${port}`, tls: { caFile: cert } });
        assert.equal(transport.isUp, true);
      });
    });

    describe('limits', () => {
      it('max_payload is read again on reconnect', async () => {
        const server = await start({ config: 'max_payload: 64KB' });
        const observed = await open({ servers: server.url });
        assert.equal(observed.transport.maxMessageBytes, 64 * 1024);
        await server.kill();
        assert.equal(await observed.link(), false);
        assert.equal(observed.transport.maxMessageBytes, 64 * 1024);
        const larger = await startNats({ port: server.port, config: 'max_payload: 2MB' });
        cleanups.push(() => larger.stop());
        assert.equal(await observed.link(), true);
        assert.equal(observed.transport.maxMessageBytes, 2 * 1024 * 1024);
      });

      it('what is no address is refused, and harms nothing', async () => {
        const server = await start();
        const observed = await open({ servers: server.url });
        const { transport } = observed;
        for (const address of ['', 'a b', 'a\r\nPUB x 0', 'x'.repeat(5000)]) {
          assert.throws(() => transport.send(address, Uint8Array.of(1), 1), told('NODE_UNREACHABLE', 'no NATS subject'));
        }
        await assert.rejects(transport.subscribe('a b', () => {}), told('NODE_UNREACHABLE'));
        await transport.flush();
        assert.deepEqual([transport.isUp, observed.links], [true, []]);
      });

      it('a server that does not keep up: send refuses past the limit, and works again when it reads', async () => {
        const server = await start();
        const limit = 4 * 1024 * 1024;
        const { transport } = await open({ servers: server.url, maxPendingBytes: limit });
        const body = new Uint8Array(32 * 1024);
        server.pause();
        let sent = 0;
        const refusal = await new Promise<unknown>((resolve) => {
          const burst = (): void => {
            try {
              for (let i = 0; i < 8; i++) transport.send('x', body), (sent += body.length);
              setImmediate(burst);
            } catch (error) {
              resolve(error);
            }
          };
          burst();
        });
        told('OUTBOUND_FULL', String(limit))(refusal);
        const waiting = Number.parseInt((refusal as Error).message, 10);
        assert.ok(waiting >= limit && waiting < limit + 2 * body.length, `${waiting} bytes wait`);
        assert.ok(sent > limit * 0.9, `${sent} bytes were taken`); // more than the limit: SIGSTOP takes its time
        assert.equal(transport.isUp, true);
        server.resume();
        await transport.flush();
        transport.send('x', body);
      });

      it('a server that is silent is given up', async () => {
        const server = await start();
        const observed = await open({ servers: server.url, pingIntervalMs: 50 });
        server.pause();
        assert.equal(await observed.link(), false);
        assert.equal(observed.transport.isUp, false);
        server.resume();
        assert.equal(await observed.link(), true);
      });
    });

    it('is cut off as a slow consumer, comes back, and has each subscription once', async () => {
      const server = await start({ config: 'write_deadline: "300ms"' });
      const upstreams: Socket[] = [];
      const port = await listening(
        createServer((client) => {
          const upstream = dial(server.port, server.host);
          upstreams.push(upstream);
          client.pipe(upstream).pipe(client);
          for (const socket of [client, upstream]) socket.on('error', () => {}).on('close', () => (client.destroy(), upstream.destroy()));
        }),
      );
      const [slow, fast] = [await open({ servers: `127.0.0.1:${port}` }), await open({ servers: server.url })];
      const inbox = await Inbox.open(slow.transport, 'node', 'slow@1');
      upstreams[0]!.unpipe();
      upstreams[0]!.pause();
      const body = new Uint8Array(512 * 1024);
      while (slow.links.length === 0) {
        fast.transport.send(inbox.address, body);
        await fast.transport.flush();
        // A paused socket does not notice that the other side has gone.
        if (/Slow Consumer/.test(server.log())) upstreams[0]!.destroy();
      }
      assert.equal(await slow.link(), false);
      assert.equal(await slow.link(), true);
      await slow.transport.flush();
      const before = inbox.received.length;
      fast.transport.send(inbox.address, Uint8Array.of(7));
      await inbox.take(before + 1);
      await fast.transport.flush();
      await slow.transport.flush();
      assert.deepEqual(inbox.received.slice(before), [[7]]);
    });

    describe('a connection of the user', () => {
      it('is used, and left open and clean', async () => {
        const server = await start();
        const connection = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
        cleanups.push(() => connection.close());
        const observed = await open({ connection });
        const inbox = await Inbox.open(observed.transport, 'node', 'x@1');
        observed.transport.send(inbox.address, Uint8Array.of(1));
        await inbox.take(1);
        observed.transport.send('nobody', Uint8Array.of(1), 6);
        assert.equal(await observed.undeliverable(), 6);
        await server.restart();
        assert.deepEqual([await observed.link(), await observed.link()], [false, true]);
        await observed.transport.close();
        assert.equal(connection.isClosed(), false);
        await assert.rejects(connection.request(inbox.address, ''), (error: { isNoResponders?(): boolean }) => error.isNoResponders?.() === true);
      });

      it('that is down or closed is refused, and tells when it is closed later', async () => {
        const server = await start();
        const connection = await connect({ servers: server.url });
        const observed = await open({ connection });
        await connection.close();
        assert.equal(await observed.link(), false);
        await assert.rejects(observed.transport.subscribe('x', () => {}), told('TRANSPORT_DOWN'));
        await assert.rejects(make({ connection }).transport.connect(), told('TRANSPORT_DOWN', 'closed'));
      });
    });
  });
});

function told(reason: string, ...parts: string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(RpcError.is(error), `not an RpcError: ${inspect(error)}`);
    assert.equal(error.reason, reason, error.message);
    assert.equal(error.undelivered, true);
    for (const part of parts) assert.ok(error.message.includes(part), `"${part}" is not in "${error.message}"`);
    return true;
  };
}

/** The times at which `name` was counted, as soon as there are `times` of them. */
function counted(name: string, times: number): Promise<number[]> {
  return new Promise((resolve) => {
    const seen: number[] = [];
    const listen = (event: unknown): void => {
      if ((event as CountEvent).name !== name) return;
      seen.push(performance.now());
      if (seen.length < times) return;
      unsubscribe('anthill:count', listen);
      resolve(seen);
    };
    subscribe('anthill:count', listen);
  });
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
