import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import * as loader from '@grpc/proto-loader';
import { registryResolver } from '../../lib/grpc/index.js';
import { BootError } from '../../lib/index.js';
import { clientOf as createClient, PlainServer, proto, SERVICE, Town, until } from './grpc-client.support.js';

type Add = (request: object, callback: (error: grpc.ServiceError | null, reply?: { err: string }) => void) => void;

const Client = grpc.makeGenericClientConstructor(loader.fromJSON(proto as never, { longs: String })[SERVICE] as grpc.ServiceDefinition, 'Numbers');

describe('registry:///name in channels of grpc-js', () => {
  const opened: (() => void)[] = [];
  after(() => {
    for (const close of opened) close();
  });

  async function server(name: string): Promise<PlainServer> {
    const started = await PlainServer.start(name);
    opened.push(() => started.kill());
    return started;
  }

  /** A client that is not ours; gives who answered. */
  function clientOf(target: string, options: grpc.ChannelOptions): () => Promise<string> {
    const client = new Client(target, grpc.credentials.createInsecure(), options);
    opened.push(() => client.close());
    return () => new Promise((resolve, reject) => (client['add'] as Add).call(client, { a: 1, b: 2 }, (error, reply) => (error ? reject(error) : resolve(reply!.err))));
  }

  it('follows the registry: new nodes get calls, nodes that left get none', async () => {
    const town = new Town();
    const [a, b] = await Promise.all([server('a'), server('b')]);
    await town.put(a);
    const add = clientOf('registry:///numbers', await registryResolver(town.registry));
    assert.equal(await add(), 'a');
    await town.put(b);
    await until(async () => (await add()) === 'b');
    const spread = [];
    for (let i = 0; i < 10; i++) spread.push(await add());
    assert.deepEqual(spread.sort(), [...Array<string>(5).fill('a'), ...Array<string>(5).fill('b')]);
    await town.take(a);
    await until(async () => {
      const who = [];
      for (let i = 0; i < 4; i++) who.push(await add());
      return !who.includes('a');
    });
  });

  it('leads straight to the nodes, past the web proxy of the environment', async (t) => {
    const before = process.env['grpc_proxy'];
    process.env['grpc_proxy'] = 'http://127.0.0.1:9';
    t.after(() => (before === undefined ? delete process.env['grpc_proxy'] : (process.env['grpc_proxy'] = before)));
    const town = new Town();
    const a = await server('a');
    await town.put(a);
    assert.equal(await clientOf('registry:///numbers', await registryResolver(town.registry))(), 'a');
    for (const target of [{ target: 'registry:///numbers', registry: town.registry }, { target: a.address }]) {
      const ours = await createClient(target);
      opened.push(() => ours.close());
      assert.equal((await ours.client.add({ a: '1', b: '2' })).err, 'a');
    }
  });

  it('keeps the channels of two registries apart', async () => {
    const [here, there] = [new Town(), new Town()];
    const [a, b] = await Promise.all([server('a'), server('b')]);
    await here.put(a);
    await there.put(b);
    const addHere = clientOf('registry:///numbers', await registryResolver(here.registry));
    const addThere = clientOf('registry:///numbers', await registryResolver(there.registry));
    assert.deepEqual([await addHere(), await addThere(), await addHere()], ['a', 'b', 'a']);
  });

  it('says that nobody has the service, and finds it when somebody does', async () => {
    const town = new Town();
    const add = clientOf('registry:///numbers', await registryResolver(town.registry));
    await assert.rejects(add(), { code: grpc.status.UNAVAILABLE, details: /no node of service "numbers"/ });
    await town.put(await server('late'));
    await until(() => add().then((who) => who === 'late', () => false));
  });

  it('wants the options of registryResolver()', async () => {
    await registryResolver(new Town().registry);
    assert.throws(() => new Client('registry:///numbers', grpc.credentials.createInsecure()), BootError);
  });
});
