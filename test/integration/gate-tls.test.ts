import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import { promisify } from 'node:util';
import mqtt, { type IClientOptions } from 'mqtt';
import { resolveGateOptions } from '../../lib/gateway/gate/gate.options.js';
import { describeWith, requireServer, selfSigned } from '../services/index.js';
import { GateWorld } from './gate.support.js';

const run = promisify(execFile);

describeWith('a gate with TLS', ['openssl'], () => {
  const world = new GateWorld();
  const folder = mkdtempSync(join(tmpdir(), 'anthill-gate-tls-'));
  const pem: Record<'cert' | 'key' | 'otherKey' | 'deviceCert' | 'deviceKey', Buffer> = {} as never;
  before(async () => {
    const own = await selfSigned(folder);
    Object.assign(pem, { cert: readFileSync(own.cert), key: readFileSync(own.key) });
    const [cert, key] = [join(folder, 'device.pem'), join(folder, 'device.key')];
    await run(requireServer('openssl'), ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=device-7', '-keyout', key, '-out', cert]);
    Object.assign(pem, { deviceCert: readFileSync(cert), deviceKey: readFileSync(key), otherKey: readFileSync(key) });
  });
  afterEach(() => world.close());
  after(() => rmSync(folder, { recursive: true }));

  const local = { host: '127.0.0.1', port: 0 };
  const client = (url: string, options: IClientOptions = {}) => mqtt.connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0, ca: [pem.cert], ...options }, false);

  it('does not start with a certificate or key that is wrong, and never in plain text', async () => {
    for (const [what, tls] of Object.entries({
      'a key of another certificate': { cert: pem.cert, key: pem.otherKey },
      'no certificate': { cert: Buffer.from('nothing'), key: pem.key },
      'a key that is none': { cert: pem.cert, key: pem.key.subarray(0, 60) },
      'no key': { cert: pem.cert },
      nothing: {},
    })) {
      for (const where of [{}, { tcp: false, websocket: local }] as const) {
        await assert.rejects(world.start({ tls, ...where }), ({ reason, message }: { reason: string; message: string }) => reason === 'GATE_TLS' && /certificate|key/.test(message), what);
      }
    }
  });

  it("reads mqant's settings, and says which file it cannot read", () => {
    const settings = { TCPAddr: ':1', TLS: true, CertFile: join(folder, 'cert.pem'), KeyFile: join(folder, 'key.pem') };
    assert.deepEqual(resolveGateOptions({}, settings).tls, { cert: pem.cert, key: pem.key });
    assert.equal(resolveGateOptions({}, { ...settings, TLS: false }).tls, undefined);
    assert.throws(() => resolveGateOptions({}, { ...settings, KeyFile: join(folder, 'none.pem') }), { reason: 'GATE_TLS', message: /none\.pem.*CertFile and KeyFile/ });
    assert.throws(() => resolveGateOptions({}, { ...settings, KeyFile: '' }), { reason: 'GATE_TLS', message: /no key/ });
  });

  it('serves both, and knows clients by their certificates', async () => {
    const seen: unknown[] = [];
    const { ports } = await world.start({
      websocket: local,
      tls: { cert: pem.cert, key: pem.key, ca: [pem.deviceCert], requestCert: true, rejectUnauthorized: false },
      auth: ({ remote }) => (seen.push(remote.certificate?.commonName), remote.secure && remote.certificate ? { userId: remote.certificate.commonName } : undefined),
    });
    for (const url of [`mqtts://127.0.0.1:${ports.tcp}`, `wss://127.0.0.1:${ports.websocket}`]) {
      const known = await client(url, { cert: pem.deviceCert, key: pem.deviceKey });
      await known.endAsync();
      // Without one, and with one that the gate's authority has not signed.
      await assert.rejects(client(url), { code: 4 });
      await assert.rejects(client(url, { cert: pem.cert, key: pem.key }), { code: 4 });
    }
    assert.deepEqual(seen, ['device-7', undefined, undefined, 'device-7', undefined, undefined]);
  });

  it('gives a client that speaks no TLS nothing', async () => {
    const { port } = await world.start({ tls: { cert: pem.cert, key: pem.key } });
    const wire = await world.open(port);
    wire.send({ cmd: 'connect', clientId: 'c' });
    await wire.closed;
    await assert.rejects(wire.next());
  });
});
