import { ConfigValue, InjectConfig, RpcError, RpcModule, UniqueIds } from 'anthill';
import { GrpcClient, GrpcHandler, GrpcService, InjectGrpcClient } from 'anthill/grpc';
import { AuthCenter } from './auth-center.js';
import { IdsModule } from './ids.js';

export interface CreateRequest {
  token: string;
  item: string;
  amount: number;
}

export interface PlacedOrder {
  /** 64 bits: as a number it would lose digits. */
  id: string;
  userId: string;
  item: string;
  amount: number;
}

@GrpcService('order.OrderService', { proto: new URL('../../../proto/order.proto', import.meta.url) })
@RpcModule({ type: 'order', version: '1.0.0', imports: [IdsModule] })
export class Order {
  private readonly placed: PlacedOrder[] = [];

  constructor(
    @InjectGrpcClient(() => AuthCenter, { target: 'registry:///auth-center', waitForReady: true, hrpc: true }) private readonly auth: GrpcClient<AuthCenter>,
    private readonly ids: UniqueIds,
    @InjectConfig('limit') private readonly limit: ConfigValue<number | undefined>,
  ) {}

  /** What auth-center throws goes to the caller as it is: code, reason and message. */
  @GrpcHandler()
  async create({ token, item, amount }: CreateRequest): Promise<PlacedOrder> {
    const most = this.limit.value ?? 10;
    if (amount > most) throw new RpcError({ code: 'FAILED_PRECONDITION', reason: 'TOO_MANY', message: `${amount} x ${item} is too many: ${most} at most` });
    const user = await this.auth.verify({ token });
    const order = { id: String(this.ids.next()), userId: user.id, item, amount };
    this.placed.push(order);
    return order;
  }

  @GrpcHandler()
  count({ userId }: { userId: string }): { orders: number } {
    return { orders: this.placed.filter((order) => order.userId === userId).length };
  }
}
