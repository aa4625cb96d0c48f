import { Ctx, RpcContext, RpcModule } from 'anthill';
import { GrpcHandler, GrpcService } from 'anthill/grpc';

/** 64-bit integers are strings: exact past 2^53. */
export interface AddRequest {
  a: string;
  b: string;
}

export interface AddResponse {
  v: string;
  err: string;
}

@GrpcService('addservice.AddService', { proto: new URL('../../../proto/addservice.proto', import.meta.url) })
@RpcModule({ type: 'add', version: '1.0.0' })
export class AddService {
  @GrpcHandler()
  add({ a, b }: AddRequest, @Ctx() ctx: RpcContext): AddResponse {
    ctx.throwIfAborted();
    return { v: String(BigInt(a) + BigInt(b)), err: '' };
  }
}
