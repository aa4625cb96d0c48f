/** The main of sample/01-hello, with a config file that asks for a free port. */
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { RpcFactory } from '../../../lib/index.js';
import { HelloWorld } from '../../../sample/01-hello/helloworld.js';
import { RpcTest } from '../../../sample/01-hello/rpctest.js';
import { Web } from '../../../sample/01-hello/web.js';
import { projectRoot } from '../../services/project-root.js';

@Module({ imports: [HelloWorld, Web, RpcTest] })
class AppModule {}

const app = await RpcFactory.create(AppModule, { flags: false, env: {}, configFile: join(projectRoot(), 'test/bench/startup/server.json') });
app.enableShutdownHooks();
await app.start();
process.send!('ready');
