import { setTimeout as delay } from 'node:timers/promises';
import { GrpcHandler, GrpcService } from '../../lib/grpc/index.js';
import { RpcFactory, RpcModule } from '../../lib/index.js';
import { consul, grpcRecord } from '../../lib/registry/consul/index.js';

/* A process with one gRPC service, registered in Consul as plain gRPC services are. Says its node's id when it is ready; SIGTERM stops it. */

const { address } = JSON.parse(process.argv[2]!) as { address: string };

@GrpcService('addservice.AddService', { proto: 'proto/addservice.proto' })
@RpcModule({ type: 'add' })
class AddService {
  /** Takes `b` milliseconds. */
  @GrpcHandler()
  async add({ a, b }: { a: string; b: string }): Promise<object> {
    await delay(Number(b));
    return { v: a };
  }
}

const app = await RpcFactory.create({
  modules: [AddService],
  registry: consul({ addr: address, env: {}, record: grpcRecord() }),
  grpc: { host: '127.0.0.1', port: 0 },
  advertise: { host: '127.0.0.1' },
  flags: false,
  configFile: false,
  env: {},
  logger: false,
});
app.enableShutdownHooks();
await app.start();
process.send!(app.modules.get('add')!.id);
