import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildConfig, type LoadedConfig } from '../../../lib/config/build-config.js';
import { readEnvironment } from '../../../lib/config/environment.source.js';
import { bootErrorOf, fromFile, launchOf } from './support.js';

const fromEnv = (env: Record<string, string>, moduleTypes: string[] = []): LoadedConfig => buildConfig(launchOf(), readEnvironment(env).layers, moduleTypes);

describe('config: environment', () => {
  for (const name of ['ANTHILL_RPC__TIMEOUT_MS', 'ANTHILL_RPC__TIMEOUTMS', 'anthill_rpc__timeoutMs', 'ANTHILL_rpc__timeout_ms']) {
    test(`names count in any case, with or without _: ${name}`, () => {
      assert.equal(fromEnv({ [name]: '42' }).config.rpc.timeoutMs, 42);
    });
  }

  test('texts are read as the type that is wanted', () => {
    const { config, warnings } = fromEnv({
      ANTHILL_RPC__LOG: 'TRUE', ANTHILL_RPC__QUEUE: ' 7 ', ANTHILL_WIRES: 'mqant, anthill/1', ANTHILL_CODEC: 'json', ANTHILL_LOG__LEVEL: 'debug',
      ANTHILL_SELECTOR: '{"name":"weighted","by":"5"}', ANTHILL_REGISTRATION: '{"ttlMs":"4000"}', ANTHILL_PROCESS_NAME: '17', ANTHILL_GRACE_MS: '',
    });
    assert.deepEqual(config.rpc, { timeoutMs: 10_000, queue: 7, log: true });
    assert.deepEqual(config.wires, ['mqant', 'anthill/1']);
    assert.equal(config.codec, 'json');
    assert.equal(config.log.level, 'debug');
    assert.deepEqual(config.selector, { name: 'weighted', options: { by: '5' } });
    assert.deepEqual(config.registration, { ttlMs: 4000, intervalMs: 2000 });
    assert.equal(config.processName, '17');
    assert.equal(config.graceMs, 200);
    assert.deepEqual(warnings, []);
  });

  test('settings: JSON is read as JSON, the rest is text; no digit is lost; keys find those of the file', () => {
    const file = { Settings: { Db: { URL: 'x', pool: 1 } } };
    const env = { ANTHILL_SETTINGS__DB__URL: 'y', ANTHILL_SETTINGS__DB__POOL: '5', ANTHILL_SETTINGS__newKey: '007', ANTHILL_SETTINGS__long: '12345678901234567890', ANTHILL_SETTINGS__list: '[1,"2"]', ANTHILL_SETTINGS__quoted: '"5"' };
    const { config } = fromFile(file, undefined, readEnvironment(env).layers);
    assert.deepEqual(config.settings, { Db: { URL: 'y', pool: 5 }, newKey: '007', long: '12345678901234567890', list: [1, '2'], quoted: '5' });
  });

  test('module types and their settings are found whatever their case', () => {
    const env = { ANTHILL_MODULES__HELLO_WORLD__NODE_ID: 'n1', ANTHILL_MODULES__WEB__SETTINGS__PORT: '9090', ANTHILL_MODULES__WEB__METADATA__zone: 'a' };
    const file = { Module: { 'hello-world': [{ ProcessID: 'development' }], Web: [{ ProcessID: 'development', Settings: { Port: 8080, x: 1 } }] } };
    const { config } = fromFile(file, undefined, readEnvironment(env).layers);
    assert.equal(config.moduleOf('hello-world').nodeId, 'n1');
    assert.deepEqual(config.moduleOf('Web'), { settings: { Port: 9090, x: 1 }, metadata: { zone: 'a' } });
    assert.equal(fromEnv(env, ['hello-world', 'Web']).config.moduleOf('hello-world').nodeId, 'n1', 'without a file, types of classes');
  });

  test('types of classes that nobody configures are not mentioned types', () => {
    assert.deepEqual(fromEnv({}, ['web']).config.moduleTypes, []);
  });

  test('short names choose the plug-in, long ones refine or overrule it', () => {
    const { config } = fromEnv({ ANTHILL_NATS_URL: 'nats://a:4222, nats://b:4222', ANTHILL_CONSUL_ADDR: 'c:8500', ANTHILL_REGISTRY__TOKEN: 't', ANTHILL_REGISTRY__HOLD_MS: '5', ANTHILL_REGISTRY__dataCenter: 'd' });
    assert.deepEqual(config.transport, { name: 'nats', options: { servers: ['nats://a:4222', 'nats://b:4222'] } });
    assert.deepEqual(config.registry, { name: 'consul', options: { addr: 'c:8500', token: 't', holdMs: 5, dataCenter: 'd' } });
    assert.deepEqual(fromEnv({ ANTHILL_ETCD_ENDPOINTS: 'a:2379,b:2379' }).config.registry, { name: 'etcd', options: { endpoints: 'a:2379,b:2379' } });
    assert.deepEqual(fromEnv({ ANTHILL_NATS_URL: 'nats://a:4222', ANTHILL_TRANSPORT: 'memory' }).config.transport, { name: 'memory', options: {} });
  });

  test('a plug-in of the same name keeps the options of the file, one of another name does not', () => {
    const file = { Anthill: { transport: { name: 'nats', servers: ['f'], user: 'u' } } };
    const withEnv = (env: Record<string, string>) => fromFile(file, undefined, readEnvironment(env).layers).config.transport;
    assert.deepEqual(withEnv({ ANTHILL_NATS_URL: 'e' }), { name: 'nats', options: { servers: ['e'], user: 'u' } });
    assert.deepEqual(withEnv({ ANTHILL_TRANSPORT__USER: 'v' }), { name: 'nats', options: { servers: ['f'], user: 'v' } });
    assert.deepEqual(withEnv({ ANTHILL_TRANSPORT: 'tcp' }), { name: 'tcp', options: {} });
  });

  test('mistakes name the variable', () => {
    const { message } = bootErrorOf(() => fromEnv({ ANTHILL_RPC__TIMEOUT_MS: 'soon', ANTHILL_LOG: 'debug', ANTHILL_RPC__LOG: 'maybe' }));
    assert.match(message, /environment variable ANTHILL_RPC__TIMEOUT_MS must be an integer from 1 to 2147483647, got "soon"/);
    assert.match(message, /environment variable ANTHILL_LOG must be an object as JSON \(or put one key of it into the name, after "__"\), got "debug"/);
    assert.match(message, /environment variable ANTHILL_RPC__LOG must be true or false, got "maybe"/);
  });

  test('slips are told in the spelling of variables; what a stranger sets is left alone', () => {
    assert.deepEqual(fromEnv({ ANTHILL_RPC__TIMOUT_MS: '1', ANTHILL_KILL_WAIT: '1', ANTHILL_TIMEOUT_MS: '1' }).warnings.toSorted(), [
      'environment variable ANTHILL_KILL_WAIT is an unknown key (did you mean KILL_WAIT_MS?); it has no effect',
      'environment variable ANTHILL_RPC__TIMOUT_MS is an unknown key (did you mean TIMEOUT_MS?); it has no effect',
      'environment variable ANTHILL_TIMEOUT_MS is an unknown key (did you mean ANTHILL_RPC__TIMEOUT_MS?); it has no effect',
    ]);
    assert.deepEqual(fromEnv({ ANTHILL_PORT: 'tcp://10.0.0.1:80', ANTHILL_SERVICE_HOST: '10.0.0.1', ANTHILL_: 'x', ANTHILLS: 'x', PATH: '/bin' }).warnings, []);
  });

  test('launch values have variables too', () => {
    const { launch, layers } = readEnvironment({ ANTHILL_PROCESS_ID: 'p', ANTHILL_WORK_DIR: '/w', ANTHILL_CONFIG_FILE: 'c', ANTHILL_LOG_DIR: 'l', ANTHILL_BI_DIR: 'b' });
    assert.deepEqual(launch, { processId: 'p', workDir: '/w', configFile: 'c', logDir: 'l', biDir: 'b' });
    assert.deepEqual(layers, []);
  });

  test('__proto__ in a name reaches no prototype', () => {
    fromEnv({ ANTHILL___proto____polluted: '1', ANTHILL_SETTINGS____proto__: '{"polluted":1}', ANTHILL_SETTINGS__a____proto____polluted: '1' });
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  test('names of databases, and options of drivers, are found in any case, and made in camel case', () => {
    const { layers } = readEnvironment({ ANTHILL_DATABASES__DEFAULT__URL: 'postgres://h/a', ANTHILL_DATABASES__ORDERS__DATABASE: 'b', ANTHILL_DATABASES__MY_DATA__FILE: 'c', ANTHILL_DATABASES__DEFAULT__POOL__MAX: '3', ANTHILL_DATABASES__DEFAULT__SSL__REJECT_UNAUTHORIZED: 'false', ANTHILL_REDIS__DEFAULT__TLS__CA: 'pem' });
    const { databases, redis } = fromFile({ Anthill: { databases: { Orders: { type: 'mariadb' } } } }, undefined, layers).config;
    assert.deepEqual({ ...databases }, { Orders: { type: 'mariadb', database: 'b' }, default: { url: 'postgres://h/a', pool: { max: 3 }, ssl: { rejectUnauthorized: false } }, myData: { file: 'c' } });
    assert.deepEqual(redis.default!.tls, { ca: 'pem' });
  });
});
