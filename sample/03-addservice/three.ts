import { memoryRegistry, MemoryRegistryHub, type ModulesOptions, RpcFactory } from 'anthill';
import { Adder } from './add.client.js';
import { AddService } from './add.service.js';
import { tally } from './tally.js';

/* Three servers and a client in one process, each an app of its own on a port of its own, with a registry in memory. */

const hub = new MemoryRegistryHub();
const start = async (options: ModulesOptions) => {
  const app = await RpcFactory.create({ registry: memoryRegistry(hub), grpc: { host: '127.0.0.1', port: 0 }, advertise: { host: '127.0.0.1' }, flags: false, logger: false, ...options });
  return app.start();
};

const servers = await Promise.all([1, 2, 3].map(() => start({ modules: [AddService] })));
const client = await start({ modules: [Adder], interceptors: { client: [tally.interceptor] }, env: { ANTHILL_MODULES__ADDER__SETTINGS__Calls: '0' } }); // no rounds of its own: the scenes below make them
const adder = client.get(Adder);
await adder.round(300);

console.log('a fourth server starts');
servers.push(await start({ modules: [AddService] }));
await adder.round(300);

console.log('the first one stops');
await servers.shift()!.stop();
await adder.round(300);

for (const app of [client, ...servers]) await app.stop();
