import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { Inbox } from '../../lib/testing/transport.probe.js';
import { describeWith, freePort, startNats } from '../services/index.js';
import { counted, natsRig, told } from './nats-rig.js';

describeWith('nats transport: credentials, permissions, TLS', ['nats-server'], () => {
  describe('with real servers', { timeout: 60_000 }, () => {
    const { start, make, open, cleanups } = natsRig();

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
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
