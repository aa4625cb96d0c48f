import { Module } from '@nestjs/common';
import { RpcFactory } from 'anthill';
import { Gate } from './gate.js';
import { Login } from './login.js';
import { Rooms } from './rooms.js';
import { Web } from './web.js';

@Module({ imports: [Login, Rooms, Gate, Web] })
class AppModule {}

const app = await RpcFactory.create(AppModule);
await app.enableShutdownHooks().start();
