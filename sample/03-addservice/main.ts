import { Module } from '@nestjs/common';
import { RpcFactory } from 'anthill';
import { Adder } from './add.client.js';
import { AddService } from './add.service.js';
import { tally } from './tally.js';

@Module({ imports: [AddService, Adder] })
class AppModule {}

const app = await RpcFactory.create(AppModule, { interceptors: { client: [tally.interceptor] } });
app.enableShutdownHooks();
await app.start();
