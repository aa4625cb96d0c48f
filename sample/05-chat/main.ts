import { Module } from '@nestjs/common';
import { RpcFactory } from 'anthill';
import { Gate } from './gate.js';
import { Page } from './page.js';
import { Rooms } from './rooms.js';

@Module({ imports: [Rooms, Gate, Page] })
class AppModule {}

const app = await RpcFactory.create(AppModule);
await app.enableShutdownHooks().start();
