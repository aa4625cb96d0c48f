import { Module } from '@nestjs/common';
import { RpcFactory } from 'anthill';
import { HelloWorld } from './helloworld.js';
import { RpcTest } from './rpctest.js';
import { Web } from './web.js';

@Module({ imports: [HelloWorld, Web, RpcTest] })
class AppModule {}

const app = await RpcFactory.create(AppModule);
app.enableShutdownHooks();
await app.start();
