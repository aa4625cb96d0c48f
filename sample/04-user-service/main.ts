import { Module } from '@nestjs/common';
import { RpcFactory } from 'anthill';
import { UserService } from './user.service.js';
import { Walkthrough } from './walkthrough.js';

@Module({ imports: [UserService, Walkthrough] })
class AppModule {}

const app = await RpcFactory.create(AppModule);
app.enableShutdownHooks();
await app.start();
