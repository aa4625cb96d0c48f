import { InjectServices, type OnRun, RpcError, RpcModule, type Services } from 'anthill';
import { GrpcClient, InjectGrpcClient } from 'anthill/grpc';
import { AuthCenter } from './auth-center.js';
import { Order } from './order.js';

@RpcModule({ type: 'buyer' })
export class Buyer implements OnRun {
  constructor(
    @InjectGrpcClient(Order, { waitForReady: true, hrpc: { serverName: 'buyer' } }) private readonly orders: GrpcClient<Order>,
    @InjectGrpcClient(AuthCenter, { waitForReady: true, hrpc: { serverName: 'buyer' } }) private readonly auth: GrpcClient<AuthCenter>,
    @InjectServices() private readonly services: Services,
  ) {}

  /** Buys twice, fails twice, and looks up who served it. */
  async run(): Promise<void> {
    const token = 'token-of-alice';
    for (const amount of [2, 3]) {
      const order = await this.orders.create({ token, item: 'tea', amount });
      console.log(`order ${order.id}: ${order.amount} x ${order.item}`);
    }
    const { user, orders } = await this.auth.profile({ token });
    console.log(`${user.name} has ${orders} orders`);
    await this.fails({ token: 'stolen', item: 'tea', amount: 1 });
    await this.fails({ token, item: 'tea', amount: 1000 });

    // service.Get: in the environment of the app, or by another tag.
    for (const name of ['auth-center', 'order']) {
      const found = await this.services.get(name, { choose: 'largest' });
      console.log(`${name}: ${found}, ${found.target()}, ${found.target('{name}.{namespace}.svc.cluster.local:{port}')}`);
    }
    await this.services.get('order', { tag: 'production' }).catch((error: Error) => console.log(error.message));
  }

  private async fails(request: Parameters<Order['create']>[0]): Promise<void> {
    const error: unknown = await this.orders.create(request).catch((thrown: unknown) => thrown);
    if (RpcError.is(error)) console.log(`${error.code} ${error.reason}: ${error.message}`);
  }
}
