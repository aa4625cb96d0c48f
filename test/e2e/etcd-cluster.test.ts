import assert from 'node:assert/strict';
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceNode } from '../../lib/common/service-node.js';
import { Advertiser } from '../../lib/registry/advertiser.js';
import { etcd } from '../../lib/registry/etcd/index.js';
import type { Registry } from '../../lib/registry/registry.js';
import { ServiceDirectory } from '../../lib/selector/service-directory.js';
import { describeWith, freePorts, startEtcd, type RunningServer } from '../services/index.js';

const makeNode = (type: string, id: string): ServiceNode => ({ id: `${type}@${id}`, type, version: '1', address: id, metadata: {} });

async function within(limitMs: number, what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const giveUp = performance.now() + limitMs; !(await Promise.resolve(holds()).catch(() => false)); await delay(20)) assert.ok(performance.now() < giveUp, `${what} did not come within ${limitMs} ms`);
}

/** Three members that know each other. */
async function startCluster(): Promise<RunningServer[]> {
  const peers = (await freePorts(3)).map((port) => `http://127.0.0.1:${port}`);
  const cluster = peers.map((url, i) => `m${i}=${url}`).join();
  return Promise.all(
    peers.map((url, i) =>
      // Its own flags come first, and the last one of a name counts.
      startEtcd({ args: ['--name', `m${i}`, '--listen-peer-urls', url, '--initial-advertise-peer-urls', url, '--initial-cluster', cluster, '--heartbeat-interval', '100', '--election-timeout', '1000'] }),
    ),
  );
}

describeWith('a cluster of etcd', ['etcd'], () => {
  let members: RunningServer[] = [];
  const ends: (() => Promise<unknown> | void)[] = [];
  const open = (first = 0): Registry => {
    const urls = members.map(({ url }) => url);
    const registry = etcd({ endpoints: [...urls.slice(first), ...urls.slice(0, first)], timeoutMs: 3000 });
    ends.push(() => registry.close());
    return registry;
  };

  before(async () => {
    members = await startCluster();
  });
  after(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await Promise.all(members.map((member) => member.stop()));
  });

  it('goes on when the member in use is killed: renewals, watches and callers', async () => {
    const advertiser = new Advertiser(open());
    const node = makeNode('cluster', 'x');
    await advertiser.advertise(node, { ttlMs: 20_000, intervalMs: 500 });
    const callers = open();
    const directory = new ServiceDirectory(callers);
    ends.push(() => directory.close());
    await directory.pick('cluster', '/p', undefined);
    const lost: string[] = [];
    directory.onChange(({ removed }) => lost.push(...removed.map(({ id }) => id)));
    await members[0]!.kill();
    await within(8000, 'a change through another member', async () => {
      await advertiser.update({ ...node, metadata: { state: 'after' } });
      return (await directory.node(node.id))?.metadata['state'] === 'after';
    });
    assert.equal(advertiser.report()[0]!.failures, 0);
    assert.equal(callers.health().status, 'up');
    assert.deepEqual(lost, []);
    await members[0]!.restart();
    await advertiser.withdrawAll();
  });

  it('is not watched in silence where a member has no leader: callers go on with what they know, and catch up', async () => {
    const writer = open(1);
    const node = makeNode('quorum', 'x');
    const timing = { ttlMs: 20_000, intervalMs: 10_000 };
    await writer.register(node, timing);
    const callers = open(2);
    const directory = new ServiceDirectory(callers);
    ends.push(() => directory.close());
    await directory.pick('quorum', '/p', undefined);
    await Promise.all([members[0]!.kill(), members[1]!.kill()]);
    // The member is there, its connection is there, and it can serve nothing.
    await within(15_000, 'health', () => callers.health().status === 'down');
    assert.match(callers.health().detail!, /(cannot serve now \(no leader\)|cannot be reached)/);
    assert.ok(!(directory.pick('quorum', '/p', undefined) instanceof Promise));
    await Promise.all([members[0]!.restart(), members[1]!.restart()]);
    await within(10_000, 'health', () => callers.health().status === 'up');
    await within(10_000, 'a write', () => writer.register({ ...node, version: '2' }, timing).then(() => true));
    await within(10_000, 'the change', async () => (await directory.node(node.id))?.version === '2');
    await writer.deregister(node);
  });
});

/** A way to etcd that a test can cut: bytes stop, connections stay. */
class Cut {
  private readonly sockets = new Set<Socket>();
  private cut = false;

  private constructor(private readonly server: Server) {}

  static async before(target: RunningServer): Promise<Cut> {
    const server = createServer();
    const self = new Cut(server);
    server.on('connection', (near) => {
      const far = connect(target.port, target.host);
      for (const [from, to] of [[near, far], [far, near]] as const) {
        self.sockets.add(from);
        from.on('data', (bytes) => void (self.cut || to.write(bytes)));
        from.on('error', () => {}).on('close', () => {
          self.sockets.delete(from);
          to.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return self;
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  begin(): void {
    this.cut = true;
  }

  /** What was under way is lost: the connections of before end, as after a real partition. */
  end(): void {
    this.cut = false;
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.end();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describeWith('a process that is cut off from etcd', ['etcd'], () => {
  it('loses its leases there and nothing here; when it is back it is registered within seconds, and nothing is missed', async () => {
    const server = await startEtcd();
    const way = await Cut.before(server);
    const inside = etcd({ endpoints: server.url });
    const outside = etcd({ endpoints: way.endpoint, timeoutMs: 1000 });
    const advertiser = new Advertiser(outside);
    const directory = new ServiceDirectory(outside);
    try {
      const [ours, theirs] = [makeNode('cut', 'ours'), makeNode('cut', 'theirs')];
      await advertiser.advertise(ours, { ttlMs: 2000, intervalMs: 500 });
      await inside.register(theirs, { ttlMs: 60_000, intervalMs: 30_000 });
      await within(3000, 'both', async () => (await directory.nodes('cut')).length === 2);
      const lost: string[] = [];
      directory.onChange(({ removed }) => lost.push(...removed.map(({ id }) => id)));

      way.begin();
      await within(8000, 'the end of its lease', async () => (await inside.get('cut')).nodes.length === 1);
      // Meanwhile the other one changes, and a third comes.
      await inside.register({ ...theirs, version: '2' }, { ttlMs: 60_000, intervalMs: 30_000 });
      await inside.register(makeNode('cut', 'third'), { ttlMs: 60_000, intervalMs: 30_000 });
      assert.equal((await directory.nodes('cut')).length, 2);
      assert.equal(advertiser.report()[0]!.state, 'failing');

      way.end();
      await within(8000, 'its registration', async () => (await inside.get('cut')).nodes.some(({ id }) => id === ours.id));
      await within(8000, 'what it missed', async () => (await directory.nodes('cut')).map(({ id, version }) => `${id} ${version}`).join() === 'cut@ours 1,cut@theirs 2,cut@third 1');
      assert.deepEqual(lost, []);
      await advertiser.withdrawAll();
    } finally {
      directory.close();
      await Promise.all([inside.close(), outside.close()]);
      await way.close();
      await server.stop();
    }
  });
});
