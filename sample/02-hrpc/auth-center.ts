import { RpcError, RpcModule } from 'anthill';
import { GrpcClient, GrpcHandler, GrpcService, InjectGrpcClient } from 'anthill/grpc';
import { Order } from './order.js';

export interface VerifyRequest {
  token: string;
}

export interface User {
  id: string;
  name: string;
}

export interface ProfileResponse {
  user: User;
  orders: number;
}

@GrpcService('authcenter.AuthenticationCenterService', { proto: new URL('../../../proto/auth-center.proto', import.meta.url) })
@RpcModule({ type: 'auth-center', version: '1.0.0' })
export class AuthCenter {
  private readonly users = new Map<string, User>([['token-of-alice', { id: '1', name: 'alice' }]]);

  // The two services import each other, so each names the other by a function. With `hrpc` their calls carry hrpc's header: who began, trace id, time left.
  constructor(@InjectGrpcClient(() => Order, { target: 'registry:///order', waitForReady: true, hrpc: true }) private readonly orders: GrpcClient<Order>) {}

  @GrpcHandler()
  verify({ token }: VerifyRequest): User {
    const user = this.users.get(token);
    if (!user) throw new RpcError({ code: 'UNAUTHENTICATED', reason: 'TOKEN_UNKNOWN', message: 'nobody has this token' });
    return user;
  }

  @GrpcHandler()
  async profile(request: VerifyRequest): Promise<ProfileResponse> {
    const user = this.verify(request);
    return { user, orders: (await this.orders.count({ userId: user.id })).orders };
  }
}
