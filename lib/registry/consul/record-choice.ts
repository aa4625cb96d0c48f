import { BootError } from '../../common/boot-error.js';
import { didYouMean } from '../../common/did-you-mean.js';
import type { RegistrationChoice } from '../../common/registration-choice.js';
import type { ConsulRecord } from './consul.record.js';
import { grpcRecord } from './grpc.record.js';
import { hrpcRecord } from './hrpc.record.js';
import { mqantRecord } from './mqant.record.js';

/** Records by the names that config can use. */
const BY_NAME: Readonly<Record<string, (options: object) => ConsulRecord>> = Object.freeze({
  mqant: () => mqantRecord(),
  grpc: (options) => grpcRecord(options),
  hrpc: (options) => hrpcRecord(options),
});

/**
 * The records of a choice, in its order.
 * @param where who chose, for messages
 * @throws BootError CONSUL_OPTIONS
 */
export function recordsOf(choice: RegistrationChoice, where: string): readonly ConsulRecord[] {
  const list = Array.isArray(choice) ? (choice as readonly unknown[]) : [choice];
  if (list.length === 0) throw new BootError('CONSUL_OPTIONS', `${where}: the list of records is empty; leave it out for mqant's`);
  return list.map((one) => recordOf(one, where));
}

function recordOf(one: unknown, where: string): ConsulRecord {
  if (isRecord(one)) return one;
  const { name, ...options } = typeof one === 'string' ? { name: one } : typeof one === 'object' && one !== null ? (one as { name?: unknown }) : {};
  if (typeof name === 'string' && Object.hasOwn(BY_NAME, name)) return BY_NAME[name]!(options);
  const names = Object.keys(BY_NAME);
  const hint = typeof name === 'string' ? didYouMean(name, names) : '';
  throw new BootError('CONSUL_OPTIONS', `${where}: ${typeof name === 'string' ? `'${name}'` : String(one)} is no record of Consul${hint}; write ${names.join(', ')}, or grpcRecord({ ... }) and its like`);
}

function isRecord(one: unknown): one is ConsulRecord {
  const { name, encode, decode } = (one ?? {}) as Partial<ConsulRecord>;
  return typeof name === 'string' && typeof encode === 'function' && typeof decode === 'function';
}
