import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConsulHealthEntry, ConsulRegistration } from '../../../lib/backend/consul/consul.rows.js';
import { BootError } from '../../../lib/common/boot-error.js';
import type { RegistrationChoice } from '../../../lib/common/registration-choice.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import { consul, grpcRecord, hrpcRecord, mqantRecord } from '../../../lib/registry/consul/index.js';
import { mergeWatches } from '../../../lib/registry/consul/merge-watches.js';
import { namesToRead } from '../../../lib/registry/consul/name-to-read.js';
import { readRows, rowOf } from '../../../lib/registry/consul/read-rows.js';
import { recordsOf } from '../../../lib/registry/consul/record-choice.js';
import type { ServiceSnapshot } from '../../../lib/registry/registry.js';
import { snapshotOf } from '../../../lib/registry/snapshot.js';

const node: ServiceNode = {
  id: 'add@0123456789abcdef',
  type: 'add',
  version: '1.2.0',
  address: 'anthill.rpc.add.1',
  metadata: { 'anthill.grpc': '10.0.0.5:3000', 'anthill.wires': 'anthill/1,mqant', zone: 'a' },
};
const bare = (metadata: Record<string, string>): ServiceNode => ({ ...node, metadata });
const read = (...registrations: ConsulRegistration[]) => readRows('add', 'add', registrations.map(rowOf), [mqantRecord()]);

describe('grpcRecord', () => {
  it('writes what the article about gRPC and Consul writes', () => {
    const record = grpcRecord({ prefix: 'grpc.health.v1.', tags: ['hatlonely'], meta: false, initialStatus: 'critical' });
    const { Timeout, ...check } = record.encode(node, 20_000)!.Check;
    assert.equal(Timeout, '3s', 'the article leaves Consul its 10 s');
    assert.deepEqual({ ...record.encode(node, 20_000)!, Check: check }, {
      ID: 'add-10.0.0.5-3000',
      Name: 'grpc.health.v1.add',
      Tags: ['hatlonely'],
      Port: 3000,
      Address: '10.0.0.5',
      Check: { GRPC: '10.0.0.5:3000/add', Interval: '10s', DeregisterCriticalServiceAfter: '1m0s' },
    });
  });

  it('writes nothing of a node without a gRPC endpoint', () => {
    for (const endpoint of [undefined, '', 'x', '10.0.0.5', '10.0.0.5:0']) assert.equal(grpcRecord().encode(bare(endpoint === undefined ? {} : { 'anthill.grpc': endpoint }), 20_000), undefined);
  });

  it('brackets an IPv6 address in the check and not in the address', () => {
    const written = grpcRecord().encode(bare({ 'anthill.grpc': '[2001:db8::7]:3000' }), 20_000)!;
    assert.deepEqual([written.ID, written.Address, written.Check.GRPC], ['add-2001:db8::7-3000', '2001:db8::7', '[2001:db8::7]:3000/add']);
    assert.equal(read(written)[0]!.metadata['anthill.grpc'], '[2001:db8::7]:3000');
  });

  it('asks over TLS, for another service name, in other times, when told so', () => {
    const { Check, Name } = grpcRecord({ tls: true, tlsSkipVerify: true, checkService: 'addservice.AddService', intervalMs: 1500, timeoutMs: 500, deregisterAfterMs: 90_000 }).encode(node, 1)!;
    assert.equal(Name, 'add');
    assert.deepEqual(Check, {
      ...{ GRPC: '10.0.0.5:3000/addservice.AddService', GRPCUseTLS: true, TLSSkipVerify: true, Interval: '1.5s', Timeout: '500ms' },
      ...{ Status: 'passing', DeregisterCriticalServiceAfter: '1m30s' },
    });
  });

  it('gives the whole node back, keys that Consul cannot have included', () => {
    const odd = bare({ 'anthill.grpc': '10.0.0.5:3000', 'a.b': '1', 城市: '北京', version: 'of metadata', 'anthill-id': 'x', 'anthill.x-y': '', 'anthill.id': 'y', 'anthill.address': 'z', 'anthill-x-41': 'w', __proto: 'p', weight: '7' });
    const written = grpcRecord().encode(odd, 20_000)!;
    for (const key of Object.keys(written.Meta!)) assert.match(key, /^[A-Za-z0-9_-]{1,128}$/);
    assert.deepEqual(read(written), [odd]);
    assert.deepEqual(written.Weights, { Passing: 7, Warning: 1 });
  });

  it('takes a tag of the node besides its own', () => {
    const written = grpcRecord({ tags: ['v1'] }).encode({ ...node, metadata: { ...node.metadata, 'anthill.tags': 'blue,v1' } }, 20_000)!;
    assert.deepEqual(written.Tags, ['v1', 'blue']);
    assert.equal(read(written)[0]!.metadata['anthill.tags'], 'v1,blue');
  });

  it('says which metadata is too long for Consul', () => {
    assert.throws(() => grpcRecord().encode(bare({ 'anthill.grpc': 'a:1', note: 'x'.repeat(513) }), 1), /add@0123456789abcdef: its metadata 'note' has 513 characters.*meta: false/);
  });
});

describe('hrpcRecord', () => {
  const withHealth = bare({ 'anthill.grpc': '10.0.0.5:8888', 'anthill.health': '10.0.0.5:6688' });

  it('writes what hrpc writes, field by field', () => {
    const written = hrpcRecord({ initialStatus: 'critical' }).encode(withHealth, 20_000)!;
    assert.match(written.ID, /^\d{15,19}$/);
    assert.deepEqual(written, {
      ID: written.ID,
      Name: 'add',
      Tags: ['development'],
      Port: 8888,
      Address: '10.0.0.5',
      Check: { HTTP: 'http://10.0.0.5:6688', Interval: '5s', Timeout: '3s', DeregisterCriticalServiceAfter: '30s' },
    });
  });

  it('draws one id for each node and start, in the layout of hrpc', () => {
    const record = hrpcRecord();
    const [first, again, other] = [withHealth, withHealth, { ...withHealth, id: 'add@2' }].map((each) => record.encode(each, 1)!.ID);
    assert.equal(first, again);
    assert.notEqual(first, other);
    assert.notEqual(hrpcRecord().encode(withHealth, 1)!.ID, first);
    const at = Number(BigInt(first!) >> 22n) + 1_597_472_019_000;
    assert.ok(Math.abs(Date.now() - at) < 60_000);
    assert.equal(hrpcRecord({ id: ({ type }) => `${type}-1` }).encode(withHealth, 1)!.ID, 'add-1');
  });

  it('tags the environment: the one it is told, else the one of the app', () => {
    const ofApp = { ...withHealth, metadata: { ...withHealth.metadata, 'anthill.env': 'production' } };
    assert.deepEqual(hrpcRecord().encode(ofApp, 1)!.Tags, ['production']);
    assert.deepEqual(hrpcRecord({ environment: 'staging', tags: ['blue'] }).encode(ofApp, 1)!.Tags, ['staging', 'blue']);
  });

  it('has a TTL where no health server runs, so that the dead do not stay for ever', () => {
    assert.deepEqual(hrpcRecord().encode(node, 20_000)!.Check, { TTL: '20s', DeregisterCriticalServiceAfter: '1m5s' });
  });

  it('keeps meta to itself unless told', () => {
    assert.equal(hrpcRecord().encode(withHealth, 1)!.Meta, undefined);
    assert.deepEqual(read(hrpcRecord({ meta: true }).encode(withHealth, 1)!), [{ ...withHealth, metadata: { ...withHealth.metadata, 'anthill.tags': 'development' } }]);
  });
});

describe('rows of others', () => {
  const row = (service: ConsulHealthEntry['Service'], checks: string[] = ['passing']): ConsulHealthEntry => ({
    Node: { Address: '10.0.0.9' },
    ...(service && { Service: service }),
    Checks: checks.map((Status) => ({ Status })),
  });
  const readAll = (...entries: ConsulHealthEntry[]) => readRows('add', 'add', entries, [mqantRecord()]);

  it('with a port are gRPC endpoints: meta is metadata, tags and weight are kept', () => {
    const found = readAll(row({ ID: 'add-10.0.0.5-3000', Service: 'add', Address: '10.0.0.5', Port: 3000, Tags: ['hatlonely', 'a,b', 'v-14'], Meta: { zone: 'a', version: '2' }, Weights: { Passing: 10, Warning: 1 } }));
    assert.deepEqual(found, [
      {
        ...{ id: 'add@add-10.0.0.5-3000', type: 'add', version: '2', address: '10.0.0.5' },
        metadata: { zone: 'a', weight: '10', 'anthill.grpc': '10.0.0.5:3000', 'anthill.tags': 'hatlonely,v-14', 'anthill.transport': 'grpc', 'anthill.wires': 'grpc' },
      },
    ]);
  });

  it('count with their warning weight while a check warns', () => {
    const [found] = readAll(row({ ID: 'x', Service: 'add', Port: 1, Weights: { Passing: 10, Warning: 2 } }, ['warning', 'passing']));
    assert.deepEqual([found!.metadata['weight'], found!.metadata['anthill.grpc']], ['2', '10.0.0.9:1']);
  });

  it('are not hidden by odd fields', () => {
    const odd = { ID: 'x', Service: 'add', Port: 1, Tags: [null, 7, ''], Meta: { 'anthill-id': 'other@1', 'anthill-x-zz': 'v', n: 5 } } as unknown as NonNullable<ConsulHealthEntry['Service']>;
    const [found] = readAll(row(odd));
    assert.equal(found!.id, 'add@x');
    assert.equal(found!.metadata['n'], '5');
    assert.equal(found!.metadata['anthill.tags'], undefined);
  });

  it('without a port are read as mqant reads them', () => {
    assert.deepEqual(readAll(row({ ID: 'add@1', Service: 'add', Address: 'subject', Tags: ['plain'] })), [{ id: 'add@1', type: 'add', version: '', address: 'subject', metadata: {} }]);
  });
});

describe('a node in several records', () => {
  const all = [mqantRecord(), grpcRecord({ prefix: 'p.' }), hrpcRecord()];
  const rows = all.map((record) => record.encode(node, 20_000)!);

  it('is read once, with its own id and all it has, in whatever order Consul lists it', () => {
    const [mqant, grpc, hrpc] = rows as [ConsulRegistration, ConsulRegistration, ConsulRegistration];
    const entries = [mqant, { ...grpc, Name: 'add' }, hrpc];
    for (const order of [entries, entries.toReversed(), [hrpc, mqant, grpc], [grpc, hrpc, mqant]]) {
      const found = readRows('add', 'add', order.map((registration) => rowOf({ ...registration, Name: 'add' })), all);
      assert.deepEqual(found, [node]);
    }
    const others = hrpcRecord().encode({ ...node, id: 'add@2', metadata: { 'anthill.grpc': '10.0.0.6:3000' } }, 1)!;
    assert.equal(read(mqant, hrpc, others).length, 2, 'another endpoint is another node');
  });

  it('is looked for under each of its names, once', () => {
    assert.deepEqual(namesToRead('add', all).map(({ name, records }) => [name, records.map((record) => record.name)]), [['add', ['mqant', 'hrpc']], ['p.add', ['grpc']]]);
  });

  it('is told of as one service when several names are watched, once all have answered', async () => {
    const feeds = [feed(), feed()];
    const ending = new AbortController();
    const watch = mergeWatches('add', feeds.map(({ open }) => open), ending.signal);
    const next = async () => (await watch.next()).value?.nodes.map(({ id }) => id);
    feeds[0]!.say(node);
    const first = next();
    feeds[1]!.say();
    assert.deepEqual(await first, [node.id]);
    const second = next();
    // The same node by its endpoint only brings no news; another one does.
    feeds[1]!.say(read(hrpcRecord().encode(node, 1)!)[0]!);
    feeds[1]!.say({ ...node, id: 'add@2', metadata: {} });
    assert.deepEqual(await second, [node.id, 'add@2']);
    const last = watch.next();
    ending.abort();
    assert.equal((await last).done, true);
    assert.deepEqual(feeds.map(({ isOpen }) => isOpen()), [false, false]);
  });

  it('ends its watches when the reader leaves', async () => {
    const feeds = [feed(), feed()];
    for (const { say } of feeds) say(node);
    for await (const snapshot of mergeWatches('add', feeds.map(({ open }) => open), new AbortController().signal)) {
      assert.equal(snapshot.nodes.length, 1);
      break;
    }
    assert.deepEqual(feeds.map(({ isOpen }) => isOpen()), [false, false]);
  });
});

describe('the choice of records', () => {
  const names = (choice: RegistrationChoice) => recordsOf(choice, 'here').map(({ name }) => name);

  it('is by name, by name with options, by object, or several of these', () => {
    assert.deepEqual(names('hrpc'), ['hrpc']);
    assert.deepEqual(names(['mqant', { name: 'grpc', prefix: 'p.' }, hrpcRecord()]), ['mqant', 'grpc', 'hrpc']);
    assert.equal(recordsOf({ name: 'grpc', prefix: 'p.' }, 'here')[0]!.nameOf!('add'), 'p.add');
    const mine = { name: 'mine', encode: () => undefined, decode: () => undefined };
    assert.deepEqual(recordsOf(mine, 'here'), [mine]);
  });

  it('is refused where it cannot be meant, with what to write instead', () => {
    const cases: [() => unknown, RegExp][] = [
      [() => recordsOf('grcp', 'here'), /^here: 'grcp' is no record of Consul \(did you mean "grpc"\?\); write mqant, grpc, hrpc, or grpcRecord\(/],
      [() => recordsOf([], 'here'), /the list of records is empty/],
      [() => recordsOf([7 as never], 'here'), /7 is no record/],
      [() => recordsOf({ name: 'grpc', prefx: 'x' }, 'here'), /unknown option "prefx" \(did you mean "prefix"\?\)/],
      [() => consul({ record: 'ttl' }), /consul\(\{ record \}\): 'ttl' is no record/],
      [() => consul().checkRegistration!('add@1', 'nope'), /registration of add@1: 'nope' is no record/],
      [() => grpcRecord({ prefix: 'a/b' }), /prefix 'a\/b' cannot stand in a name/],
      [() => grpcRecord({ intervalMs: 0 }), /intervalMs must be a number of milliseconds from 1, got 0/],
      [() => grpcRecord({ tags: ['a,b'] }), /tags must be a list of texts without commas/],
      [() => grpcRecord({ initialStatus: 'well' as never }), /initialStatus must be/],
      [() => hrpcRecord({ environment: 'a,b' }), /environment must be a text without commas/],
    ];
    for (const [make, message] of cases) assert.throws(make, (error) => error instanceof BootError && error.reason === 'CONSUL_OPTIONS' && message.test(error.message), String(message));
  });
});

/** A watch whose snapshots a test says. */
function feed() {
  const waiting: ServiceSnapshot[] = [];
  let wake = (): void => {};
  let isOpen = false;
  return {
    isOpen: () => isOpen,
    say: (...nodes: ServiceNode[]) => {
      waiting.push(snapshotOf('add', nodes));
      wake();
    },
    async *open(signal: AbortSignal): AsyncGenerator<ServiceSnapshot, void, undefined> {
      isOpen = true;
      signal.addEventListener('abort', () => wake(), { once: true });
      while (!signal.aborted) {
        const snapshot = waiting.shift();
        if (snapshot) yield snapshot;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
      isOpen = false;
    },
  };
}
