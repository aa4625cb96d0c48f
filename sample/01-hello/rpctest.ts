import { fileURLToPath } from 'node:url';
import { Handler, RpcModule } from 'anthill';
import protobuf from 'protobufjs';

export interface ResultInfo {
  Error: string;
}

/** A protobuf message type: anything with `encode` and `decode`. */
export const ResultInfo = protobuf.loadSync(fileURLToPath(new URL('../../../proto/hello.proto', import.meta.url))).lookupType('rpcpb.ResultInfo');

/** A Marshaler says itself how it becomes bytes. */
export class Req {
  id = '';
  marshal(): Uint8Array {
    return Buffer.from(this.id);
  }
  unmarshal(bytes: Uint8Array): void {
    this.id = Buffer.from(bytes).toString();
  }
  toString(): string {
    return 'req';
  }
}

export class Rsp {
  msg = '';
  marshal(): Uint8Array {
    return Buffer.from(this.msg);
  }
  unmarshal(bytes: Uint8Array): void {
    this.msg = Buffer.from(bytes).toString();
  }
  toString(): string {
    return 'rsp';
  }
}

@RpcModule({ type: 'rpctest', version: '1.0.0' })
export class RpcTest {
  @Handler('/test/proto', { concurrent: true, args: [ResultInfo], returns: ResultInfo })
  testProto(request: ResultInfo): ResultInfo {
    return { Error: `你说: ${request.Error}` };
  }

  @Handler('/test/marshal', { concurrent: true })
  testMarshal(request: Req): Rsp {
    return Object.assign(new Rsp(), { msg: request.id });
  }
}
