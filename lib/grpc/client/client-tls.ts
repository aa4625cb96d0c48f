import { readFileSync } from 'node:fs';
import { BootError } from '../../common/boot-error.js';
import { didYouMean } from '../../common/did-you-mean.js';
import { messageOf } from '../../common/message-of.js';
import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';
import type { GrpcLibrary } from '../load-grpc.js';

/** PEM: the text itself, its bytes, or the file that has it. @public */
export type Pem = string | URL | Uint8Array;

/** How a client proves servers, and itself. @public */
export interface GrpcClientTls {
  /** The authorities that may have signed the server's certificate. @default those that Node trusts */
  ca?: Pem;
  /** Certificate and key of this client, for servers that ask for one (mutual TLS). */
  cert?: Pem;
  key?: Pem;
  /** The name that the certificate must have, when it is not the host of the address. */
  serverName?: string;
}

const KNOWN: Readonly<Record<keyof GrpcClientTls, true>> = { ca: true, cert: true, key: true, serverName: true };

/** Credentials of channels, and the options that belong to them. */
export interface ChannelSecurity {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** @throws BootError GRPC_TLS for what cannot be read or does not belong together */
export function securityOf(grpc: GrpcLibrary, tls: boolean | GrpcClientTls, where: string): ChannelSecurity {
  if (tls === false) return { credentials: grpc.credentials.createInsecure(), options: {} };
  if (tls !== true && (typeof tls !== 'object' || tls === null)) throw new BootError('GRPC_TLS', `${where}: tls is ${String(tls)}; it is true, or { ${Object.keys(KNOWN).join(', ')} }`);
  for (const name of Object.keys(tls)) {
    if (!Object.hasOwn(KNOWN, name)) throw new BootError('GRPC_TLS', `${where}: tls has no option "${name}"${didYouMean(name, Object.keys(KNOWN))}; it has ${Object.keys(KNOWN).join(', ')}`);
  }
  const { ca, cert, key, serverName } = tls === true ? {} : tls;
  if ((cert === undefined) !== (key === undefined)) throw new BootError('GRPC_TLS', `${where}: tls has ${cert ? 'cert without key' : 'key without cert'}; a client proves itself with both`);
  const read = (name: string, pem: Pem | undefined): Buffer | null => (pem === undefined ? null : pemOf(pem, `${where}: tls.${name}`));
  try {
    const credentials = grpc.credentials.createSsl(read('ca', ca), read('key', key), read('cert', cert));
    return { credentials, options: serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName } };
  } catch (cause) {
    if (cause instanceof BootError) throw cause;
    throw new BootError('GRPC_TLS', `${where}: tls cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/** @throws BootError GRPC_TLS */
function pemOf(pem: Pem, where: string): Buffer {
  if (pem instanceof Uint8Array) return Buffer.from(pem);
  if (typeof pem === 'string' && pem.includes('-----BEGIN')) return Buffer.from(pem);
  try {
    return readFileSync(pem);
  } catch (cause) {
    throw new BootError('GRPC_TLS', `${where} cannot be read: ${messageOf(cause)}; give PEM text, its bytes, or a file`, { cause });
  }
}
