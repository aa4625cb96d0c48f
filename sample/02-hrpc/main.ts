import { Module } from '@nestjs/common';
import { RpcFactory } from 'anthill';
import { AuthCenter } from './auth-center.js';
import { Buyer } from './buyer.js';
import { ids } from './ids.js';
import { Order } from './order.js';

@Module({ imports: [AuthCenter, Order, Buyer] })
class AppModule {}

const app = await RpcFactory.create(AppModule, { environment: 'development', parts: [ids], hooks: { onExit: () => console.log('bye') } });
app.enableShutdownHooks();
await app.start();
