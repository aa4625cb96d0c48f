import { connect } from '@nats-io/transport-node';
import assert from 'node:assert/strict';
import { createServer, connect as dial, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { transportContract } from '../../lib/testing/transport.contract.js';
import { Inbox } from '../../lib/testing/transport.probe.js';
import { nats } from '../../lib/transport/nats/index.js';
import { describeWith, freePort, startNats } from '../services/index.js';
import { natsRig, told } from './nats-rig.js';

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
    const { start, make, open, listening, cleanups } = natsRig();

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
              for (let i = 0; i < 8; i++) {
                transport.send('x', body);
                sent += body.length;
              }
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
