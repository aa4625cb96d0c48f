import protobuf from 'protobufjs';
import type { Marshaler, ProtoSchema } from '../../lib/common/value-types.js';
import type { ValueSerializer } from '../../lib/rpc/value-serializer.js';

/** The tutorial's request, test/interop/go/internal/beans. */
export class Req implements Marshaler {
  constructor(public id = '') {}
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

/** The tutorial's response. */
export class Rsp extends Req {
  override toString(): string {
    return 'rsp';
  }
}

export interface ResultMessage {
  Cid?: string;
  Error?: string;
  ResultType?: string;
  Result?: Uint8Array;
}

/** mqant's own reply message, which its tutorial uses as a user's. */
export const ResultInfo = protobuf.Root.fromJSON({
  nested: {
    rpcpb: {
      nested: {
        ResultInfo: {
          fields: { Cid: { type: 'string', id: 1 }, Error: { type: 'string', id: 2 }, ResultType: { type: 'string', id: 4 }, Result: { type: 'bytes', id: 5 } },
        },
      },
    },
  },
}).lookupType('rpcpb.ResultInfo') as unknown as ProtoSchema<ResultMessage>;

/** Bytes of a gate's session and of a formatted reply: what they mean is the gateway's business. */
export class Opaque {
  constructor(
    readonly type: string,
    readonly bytes: Uint8Array,
  ) {}
}

/** mqant's `gate` serializer, as far as carrying bytes goes. */
export const opaqueTypes: readonly ValueSerializer[] = ['SESSION', 'ProtocolMarshal'].map((name) => ({
  name,
  serialize: (value) => (value instanceof Opaque && value.type === name ? { type: name, bytes: value.bytes } : undefined),
  deserialize: (type, bytes) => new Opaque(type, bytes),
}));
