import type { FieldsOf, Message } from './etcd.codec.js';
import type { KeyValue } from './etcd.messages.js';
import type { EtcdRange, EtcdRow } from './etcd.rows.js';

/** First key, and the first after the last: etcd's way to say "all with this prefix". */
export function keysOf(range: EtcdRange): { key: Buffer; rangeEnd?: Buffer } {
  if (typeof range === 'string') return { key: Buffer.from(range) };
  const first = Buffer.from(range.prefix);
  const end = Buffer.from(range.prefix);
  for (let last = end.length - 1; last >= 0; last--) {
    if (end[last]! === 0xff) continue;
    end[last]!++;
    return { key: first, rangeEnd: end.subarray(0, last + 1) };
  }
  // A single zero byte as end means "to the last key"; as key, the smallest one.
  return { key: first.length === 0 ? Buffer.alloc(1) : first, rangeEnd: Buffer.alloc(1) };
}

/** For messages. */
export function nameOf(range: EtcdRange): string {
  return JSON.stringify(typeof range === 'string' ? range : `${range.prefix}*`).slice(0, 200);
}

export function rowOf({ key, value, ...numbers }: Message<FieldsOf<typeof KeyValue>>): EtcdRow {
  return { key: key.toString('utf8'), value, ...numbers };
}
