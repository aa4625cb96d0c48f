import protobuf from 'protobufjs';
import type { Marshaler } from '../../../lib/common/value-types.js';

/** A message class as pbjs generates it: static encode and decode. */
export class Greeting {
  constructor(
    public text = '',
    public count = 0,
  ) {}
  static encode(message: Greeting): { finish(): Uint8Array } {
    return { finish: () => Buffer.from(`${message.count}|${message.text}`) };
  }
  static decode(bytes: Uint8Array): Greeting {
    if (bytes.length === 0) return new Greeting();
    const [count = '', text = ''] = Buffer.from(bytes).toString().split('|');
    if (!/^\d+$/.test(count)) throw new Error('not a Greeting');
    return new Greeting(text, Number(count));
  }
}

/** A protobufjs type. */
export const User = new protobuf.Type('User').add(new protobuf.Field('name', 1, 'string')).add(new protobuf.Field('age', 2, 'uint32'));
new protobuf.Root().define('test').add(User);

/** mqant's Marshaler. */
export class Point implements Marshaler {
  constructor(
    public x = 0,
    public y = 0,
  ) {}
  marshal(): Uint8Array {
    return Uint8Array.of(this.x, this.y);
  }
  unmarshal(bytes: Uint8Array): void {
    if (bytes.length !== 2 && bytes.length !== 0) throw new Error('a Point takes two bytes');
    this.x = bytes[0] ?? 0;
    this.y = bytes[1] ?? 0;
  }
  toString(): string {
    return 'point';
  }
}
