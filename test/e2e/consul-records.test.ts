import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { ServiceNode } from '../../lib/common/service-node.js';
import { consul, type ConsulOptions, grpcRecord, hrpcRecord, mqantRecord } from '../../lib/registry/consul/index.js';
import type { Registry } from '../../lib/registry/registry.js';
import { describeWith, startConsul, type RunningServer } from '../services/index.js';

const timing = { ttlMs: 20_000, intervalMs: 10_000 };
let counter = 0;

/** What the agent holds of a service. */
interface Agent {
  Service: { ID: string; Service: string; Tags: string[]; Meta: Record<string, string>; Port: number; Address: string; Weights: object; CreateIndex: number };
  Checks: { Status: string; Type: string; Definition: object; Output: string; CheckID: string }[];
}

describeWith('consul records', ['consul'], () => {
  let server: RunningServer;
  let health: HealthImplementation;
  let grpcPort: number;
  const ends: (() => Promise<unknown> | void)[] = [];

  const open = (options: ConsulOptions = {}): Registry => {
    const registry = consul({ addr: server.url, env: {}, ...options });
    ends.push(() => registry.close());
    return registry;
  };
  const rowsOf = async (name: string): Promise<Agent[]> => (await (await fetch(`${server.url}/v1/health/service/${name}`)).json()) as Agent[];
  const statusOf = async (name: string): Promise<string | undefined> => (await rowsOf(name))[0]?.Checks.find(({ CheckID }) => CheckID.startsWith('service:'))?.Status;
  const put = async (path: string, body?: object): Promise<void> => {
    const answer = await fetch(`${server.url}/v1/${path}`, { method: 'PUT', body: body === undefined ? null : JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
  };
  const within = async (limitMs: number, what: string, holds: () => Promise<boolean>): Promise<void> => {
    const giveUp = performance.now() + limitMs;
    while (!(await holds())) {
      assert.ok(performance.now() < giveUp, `${what} did not come within ${limitMs} ms`);
      await delay(20);
    }
  };
  /** A node whose gRPC server is the one of this file. */
  const makeNode = (metadata: Record<string, string> = {}): ServiceNode => {
    const type = `records-${++counter}`;
    return { id: `${type}@1`, type, version: '1.0.0', address: `anthill.rpc.${type}.1`, metadata: { 'anthill.grpc': `127.0.0.1:${grpcPort}`, ...metadata } };
  };

  before(async () => {
    server = await startConsul();
    health = new HealthImplementation({});
    const grpcServer = new grpc.Server();
    health.addToServer(grpcServer);
    grpcPort = await new Promise<number>((resolve, reject) =>
      grpcServer.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port))),
    );
    ends.push(() => grpcServer.forceShutdown());
  });
  after(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await server.stop();
  });

  it('of gRPC: shown at once, asked by the agent under the name of the service, critical when it does not serve, passing again', async () => {
    const record = grpcRecord({ prefix: 'grpc.health.v1.', tags: ['v1'], intervalMs: 1000 });
    const node = makeNode({ zone: 'a', weight: '5' });
    health.setStatus(node.type, 'SERVING');
    const [ours, theirs] = [open({ record }), open({ record })];
    await ours.register(node, timing);
    const shown = { ...node, metadata: { ...node.metadata, 'anthill.tags': 'v1' } };
    assert.deepEqual((await ours.get(node.type)).nodes, [shown]);
    assert.deepEqual(await ours.list(), [node.type]);

    const name = `grpc.health.v1.${node.type}`;
    const [{ Service, Checks }] = (await rowsOf(name)) as [Agent];
    assert.deepEqual([Service.ID, Service.Address, Service.Port, Service.Tags], [`${node.type}-127.0.0.1-${grpcPort}`, '127.0.0.1', grpcPort, ['v1']]);
    assert.deepEqual(Service.Weights, { Passing: 5, Warning: 1 });
    assert.equal(Service.Meta['zone'], 'a');
    assert.equal(Checks.find(({ CheckID }) => CheckID.startsWith('service:'))!.Type, 'grpc');

    const ending = new AbortController();
    const watch = theirs.watch(node.type, ending.signal)[Symbol.asyncIterator]();
    assert.deepEqual((await watch.next()).value.nodes, [shown]);
    health.setStatus(node.type, 'NOT_SERVING');
    assert.deepEqual((await watch.next()).value.nodes, [], 'the agent has seen it');
    assert.equal(await statusOf(name), 'critical');
    // A renewal meanwhile, and a change of metadata, do not call it well.
    await ours.register(node, timing);
    await ours.register({ ...node, metadata: { ...node.metadata, zone: 'b' } }, timing);
    assert.equal(await statusOf(name), 'critical');
    health.setStatus(node.type, 'SERVING');
    assert.deepEqual((await watch.next()).value.nodes, [{ ...shown, metadata: { ...shown.metadata, zone: 'b' } }]);
    assert.equal(await statusOf(name), 'passing');
    ending.abort();

    await ours.deregister(node);
    assert.deepEqual(await rowsOf(name), []);
    assert.deepEqual((await ours.get(node.type)).nodes, []);
  });

  it('of hrpc: chosen by its tag, asked over HTTP, critical while the health server says no', async () => {
    let status = 200;
    const asked: string[] = [];
    const http = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(status).end("I'm alive.");
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    ends.push(() => void http.close());
    const node = makeNode({ 'anthill.health': `127.0.0.1:${(http.address() as AddressInfo).port}`, 'anthill.env': 'production' });
    const registry = open({ record: hrpcRecord({ intervalMs: 1000 }) });
    await registry.register(node, timing);

    // As hrpc's service.Get asks.
    const find = async (tag: string) => (await (await fetch(`${server.url}/v1/health/service/${node.type}?passing=1&tag=${tag}`)).json()) as Agent[];
    const [{ Service }] = (await find('production')) as [Agent];
    assert.deepEqual([Service.Service, Service.Address, Service.Port, Service.Tags, Service.Weights], [node.type, '127.0.0.1', grpcPort, ['production'], { Passing: 1, Warning: 1 }]);
    assert.match(Service.ID, /^\d+$/);
    assert.deepEqual(await find('development'), []);
    const [seen] = (await registry.get(node.type)).nodes;
    assert.deepEqual(seen!.metadata, { 'anthill.grpc': `127.0.0.1:${grpcPort}`, 'anthill.tags': 'production', 'anthill.transport': 'grpc', 'anthill.wires': 'grpc', weight: '1' });

    status = 503;
    await within(5000, 'critical', async () => (await find('production')).length === 0);
    status = 200;
    await within(5000, 'passing', async () => (await find('production')).length === 1);
    assert.equal(asked[0], 'GET /');
    await registry.deregister(node);
  });

  it('several of one node: each stands there, the node is shown once, all go with it', async () => {
    const registry = open({ record: [mqantRecord(), { name: 'grpc', prefix: 'p.' }, 'hrpc'] });
    const node = makeNode();
    health.setStatus(node.type, 'SERVING');
    await registry.register(node, timing);
    assert.deepEqual((await registry.get(node.type)).nodes, [node]);
    assert.deepEqual([(await rowsOf(node.type)).length, (await rowsOf(`p.${node.type}`)).length], [2, 1]);
    const ending = new AbortController();
    const watch = registry.watch(node.type, ending.signal)[Symbol.asyncIterator]();
    assert.deepEqual((await watch.next()).value.nodes, [node]);
    await registry.deregister(node);
    assert.deepEqual((await watch.next()).value.nodes, []);
    assert.deepEqual([await rowsOf(node.type), await rowsOf(`p.${node.type}`)], [[], []]);
    ending.abort();
  });

  it('of a module that chose for itself: looked for where it is written, moved when its endpoint moves', async () => {
    const registry = open();
    const node = makeNode();
    health.setStatus(node.type, 'SERVING');
    const registration = { ...timing, record: { name: 'grpc', prefix: 'own.' } };
    await registry.register(node, registration);
    assert.deepEqual((await registry.get(node.type)).nodes, [node]);
    const [before] = await rowsOf(`own.${node.type}`);
    await registry.register({ ...node, metadata: { 'anthill.grpc': '127.0.0.2:7' } }, registration);
    const after = await rowsOf(`own.${node.type}`);
    assert.deepEqual(after.map(({ Service }) => Service.ID), [`${node.type}-127.0.0.2-7`]);
    assert.notEqual(before!.Service.ID, after[0]!.Service.ID);
    await registry.deregister(node);
    assert.deepEqual(await rowsOf(`own.${node.type}`), []);
  });

  it('that the agent has lost are put back by a renewal, and healed at once by the guard', async () => {
    const registry = open({ record: 'grpc' });
    const node = makeNode();
    health.setStatus(node.type, 'SERVING');
    await registry.register(node, timing);
    await put(`agent/service/deregister/${node.type}-127.0.0.1-${grpcPort}`);
    await within(5000, 'the healed row', async () => (await statusOf(node.type)) === 'passing');
    await registry.deregister(node);
  });

  it('with nothing to say of a node register nothing, and say so once', async () => {
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, warn: (message: string) => void warnings.push(message), error() {} };
    const registry = open({ record: 'grpc', logger });
    const node = { ...makeNode(), metadata: {} };
    await registry.register(node, timing);
    await registry.register(node, timing);
    assert.deepEqual(warnings, [`${node.id} is not registered in consul: it has no gRPC endpoint, and 'grpc' writes nothing else; add the record 'mqant' for nodes without one`]);
    assert.deepEqual(await rowsOf(node.type), []);
    await registry.deregister(node);
  });

  it('of plain gRPC services that others registered are read, with the address of the host where there is none', async () => {
    const type = `records-${++counter}`;
    await put('agent/service/register', { ID: `${type}-a`, Name: type, Port: 3000, Address: '10.0.0.5', Tags: ['hatlonely'], Meta: { zone: 'b' }, Weights: { Passing: 10, Warning: 1 } });
    await put('agent/service/register', { ID: `${type}-b`, Name: type, Port: 3001 });
    const registry = open();
    await within(3000, 'both', async () => (await registry.get(type)).nodes.length === 2);
    assert.deepEqual(
      (await registry.get(type)).nodes.map(({ id, metadata }) => [id, metadata['anthill.grpc'], metadata['weight'], metadata['anthill.tags'], metadata['zone']]),
      [
        [`${type}@${type}-a`, '10.0.0.5:3000', '10', 'hatlonely', 'b'],
        [`${type}@${type}-b`, '127.0.0.1:3001', '1', undefined, undefined],
      ],
    );
  });
});
