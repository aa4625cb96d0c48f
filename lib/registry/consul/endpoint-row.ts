import type { ConsulHealthEntry, ConsulRegistration } from '../../backend/consul/consul.rows.js';
import { hostPort } from '../../common/host-port.js';
import { NODE_META, type ServiceNode } from '../../common/service-node.js';
import { freezeNode } from '../snapshot.js';
import { decodeTags } from './mqant.record.js';

/*
 * Rows with address and port, as gRPC services of any language have them. What of our nodes does not fit in there goes into the service meta, whose keys
 * may have letters, digits, `_` and `-`, at most 128, whose values 512 characters, and of which there may be 64.
 */

const PLAIN_KEY = /^[A-Za-z0-9_-]{1,128}$/;
const OURS = 'anthill-';
/** Keys that do not fit, as hex of their UTF-8. */
const HEX = 'anthill-x-';
const ID = 'anthill-id';
const ADDRESS = 'anthill-address';
const VERSION = 'version';
const WEIGHT = 'weight';

/** Everything of a node but its endpoint and tags, for {@link fromEndpointRow} to give it back. @throws Error for a value that Consul would not take */
export function metaOf(node: ServiceNode): Record<string, string> {
  const meta: Record<string, string> = { [ID]: node.id, [ADDRESS]: node.address, [VERSION]: node.version };
  for (const [key, value] of Object.entries(node.metadata)) {
    if (key === NODE_META.grpc || key === NODE_META.tags) continue;
    if (value.length > 512) {
      throw new Error(`${node.id}: its metadata '${key}' has ${value.length} characters, and the service meta of Consul takes 512; shorten it, or register with mqantRecord() or meta: false`);
    }
    meta[keyOf(key)] = value;
  }
  return meta;
}

/** Consul's weights, from the node's metadata; none where that is no weight of Consul (1 to 65535). */
export function weightsOf(node: ServiceNode): Pick<ConsulRegistration, 'Weights'> {
  const weight = Number(node.metadata[WEIGHT]);
  return Number.isInteger(weight) && weight >= 1 && weight <= 65_535 ? { Weights: { Passing: weight, Warning: 1 } } : {};
}

/** Tags of a node, of which the record has some of its own. */
export function tagsOf(node: ServiceNode, own: readonly string[]): string[] {
  return [...new Set([...own, ...splitTags(node.metadata[NODE_META.tags])])];
}

export function splitTags(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : text.split(',');
}

/**
 * Any row with a port as node: of ours all that {@link metaOf} wrote, of others their service meta as metadata, and the weight that Consul has for the
 * state of the row. Tags with a comma cannot be told from two and are left out.
 */
export function fromEndpointRow({ Node, Service = {}, Checks }: ConsulHealthEntry, type: string): ServiceNode | undefined {
  const { Port, Tags, Meta, Weights, ID: serviceId = '' } = Service;
  const tags = Tags ?? [];
  const legacy = decodeTags(tags);
  if (!Port || legacy.isHex) return undefined;
  const host = Service.Address || Node?.Address || '';
  const { [ID]: id, [ADDRESS]: address, [VERSION]: version, ...meta } = Meta ?? {};
  const isOurs = id !== undefined && id.startsWith(`${type}@`);
  const metadata = Object.fromEntries(Object.entries(meta).map(([key, value]) => [plainKey(key), String(value)]));
  const weight = (Checks ?? []).some(({ Status }) => Status === 'warning') ? Weights?.Warning : Weights?.Passing;
  // Nobody else's row can be called by our wires; saying so makes the error that callers get a clear one.
  if (!isOurs) Object.assign(metadata, { [NODE_META.wires]: 'grpc', [NODE_META.transport]: 'grpc' }, !(WEIGHT in metadata) && weight !== undefined && { [WEIGHT]: String(weight) });
  const plainTags = tags.filter((tag) => typeof tag === 'string' && tag !== '' && !tag.includes(','));
  if (plainTags.length > 0) metadata[NODE_META.tags] = plainTags.join(',');
  metadata[NODE_META.grpc] = hostPort(host, Port);
  return freezeNode({ id: isOurs ? id : `${type}@${serviceId}`, type, version: version ?? legacy.version, address: isOurs ? (address ?? '') : host, metadata });
}

function keyOf(key: string): string {
  const short = key.startsWith('anthill.') ? OURS + key.slice('anthill.'.length) : undefined;
  if (short !== undefined && PLAIN_KEY.test(short) && !short.startsWith(HEX) && short !== ID && short !== ADDRESS) return short;
  const isTaken = key === VERSION || key.startsWith(OURS);
  return PLAIN_KEY.test(key) && !isTaken ? key : HEX + Buffer.from(key).toString('hex');
}

function plainKey(key: string): string {
  if (key.startsWith(HEX)) return Buffer.from(key.slice(HEX.length), 'hex').toString();
  return key.startsWith(OURS) ? `anthill.${key.slice(OURS.length)}` : key;
}
