import type { EtcdRow } from '../../backend/etcd/etcd.rows.js';
import type { ServiceNode } from '../../common/service-node.js';
import { freezeNode } from '../snapshot.js';

/*
 * mqant's etcd record (registry/etcdv3/etcdv3.go, registry/service.go), byte for byte: one key per node, under it the JSON of a service with
 * exactly that node. go-micro's core registry writes the same under another prefix, without ports and with endpoints.
 */

/** All keys of a service begin so. */
export function servicePrefix(prefix: string, service: string): string {
  return `${prefix}/${flat(service)}/`;
}

export function nodeKey(prefix: string, node: Pick<ServiceNode, 'type' | 'id'>): string {
  return servicePrefix(prefix, node.type) + flat(node.id);
}

/** The service a key belongs to. A name that has a slash is shown with a dash: the key does not tell them apart. */
export function serviceOfKey(prefix: string, key: string): string | undefined {
  const [service, id] = key.slice(prefix.length + 1).split('/');
  return service !== undefined && service !== '' && id !== undefined ? service : undefined;
}

export function encodeRecord({ id, type, version, address, metadata }: ServiceNode): string {
  // Go's order of fields, its sorted maps, and its escapes.
  const pairs = Object.entries(metadata).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  // Not an object of these pairs: keys that look like numbers would come first.
  const map = `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`;
  const text =
    `{"name":${JSON.stringify(type)},"version":${JSON.stringify(version)},"metadata":null,"endpoints":null,` +
    `"nodes":[{"id":${JSON.stringify(id)},"address":${JSON.stringify(address)},"port":0,"metadata":${map}}]}`;
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The nodes in a record; none when it is of another service, or no record. */
export function decodeRecord(service: string, { value }: EtcdRow): ServiceNode[] {
  let record: unknown;
  try {
    record = JSON.parse(value.toString('utf8'));
  } catch {
    return [];
  }
  if (!isObject(record) || record['name'] !== service || !Array.isArray(record['nodes'])) return [];
  const version = textOf(record['version']);
  return record['nodes'].flatMap((node: unknown) => {
    if (!isObject(node) || typeof node['id'] !== 'string' || node['id'] === '') return [];
    const pairs = isObject(node['metadata']) ? Object.entries(node['metadata']).filter((pair): pair is [string, string] => typeof pair[1] === 'string') : [];
    return [freezeNode({ id: node['id'], type: service, version, address: textOf(node['address']), metadata: Object.fromEntries(pairs) })];
  });
}

function flat(name: string): string {
  return name.replaceAll('/', '-');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
