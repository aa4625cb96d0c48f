import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { BootError } from '../common/boot-error.js';

/** The addresses of the machine, as `networkInterfaces()` has them. */
export type Interfaces = ReturnType<typeof networkInterfaces>;

/**
 * Where others reach this process. Without a word of the user: the first IPv4 address that is not a loopback, which is hrpc's rule too; on a machine
 * that has none, 127.0.0.1.
 * @param given a name, an address, or a network such as `10.0.0.0/8`: the first address of the machine in it
 * @throws BootError ADVERTISE_HOST
 */
export function advertisedHost(given?: string, interfaces: Interfaces = networkInterfaces()): string {
  const ours = Object.values(interfaces).flatMap((list) => list ?? []);
  if (given === undefined) return ours.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
  if (!given.includes('/')) return given.replace(/^\[(.*)\]$/, '$1');
  const network = networkOf(given);
  const found = ours.find(({ address, family }) => network.check(address, family === 'IPv6' ? 'ipv6' : 'ipv4'));
  if (found) return found.address;
  throw new BootError('ADVERTISE_HOST', `advertise.host: this machine has no address in ${given}; it has ${ours.map(({ address }) => address).join(', ')}`);
}

function networkOf(text: string): BlockList {
  const [base = '', bits = ''] = text.split('/');
  const version = isIP(base);
  const prefix = Number(bits);
  if (version === 0 || !/^\d{1,3}$/.test(bits) || prefix > (version === 4 ? 32 : 128)) {
    throw new BootError('ADVERTISE_HOST', `advertise.host '${text}' is no network; write one such as 10.0.0.0/8, or an address, or a name`);
  }
  const network = new BlockList();
  network.addSubnet(base, prefix, version === 4 ? 'ipv4' : 'ipv6');
  return network;
}
