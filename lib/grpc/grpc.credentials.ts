import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { ServerCredentials } from '@grpc/grpc-js';
import { BootError } from '../common/boot-error.js';
import { messageOf } from '../common/message-of.js';
import type { GrpcServerConfig } from './grpc.options.js';
import type { GrpcLibrary } from './load-grpc.js';

/**
 * Credentials for the section `tls`: none given, no TLS. What could not serve a single client is refused here, with the reason.
 * @param workDir where relative paths start
 * @throws BootError GRPC_TLS
 */
export async function serverCredentials(grpc: GrpcLibrary, tls: GrpcServerConfig['tls'], workDir: string, warn: (message: string) => void): Promise<ServerCredentials> {
  const { requireClientCert = false } = tls;
  if (tls.cert === undefined && tls.key === undefined && tls.ca === undefined && !requireClientCert) return grpc.ServerCredentials.createInsecure();
  if (tls.cert === undefined || tls.key === undefined) throw wrong(`${tls.cert === undefined ? 'cert' : 'key'} is missing: a server proves who it is by a certificate and its key`);
  const [cert, key, ca] = await Promise.all([pem('cert', tls.cert, workDir), pem('key', tls.key, workDir), tls.ca === undefined ? undefined : pem('ca', tls.ca, workDir)]);
  if (ca !== undefined && !requireClientCert) throw wrong('ca without requireClientCert: true: clients would not be asked for certificates');
  if (requireClientCert && ca === undefined) throw wrong('requireClientCert without ca: nobody could say which client certificates are good');
  check(cert, key, ca, warn);
  return grpc.ServerCredentials.createSsl(ca ?? null, [{ cert_chain: cert, private_key: key }], requireClientCert);
}

function check(cert: Buffer, key: Buffer, ca: Buffer | undefined, warn: (message: string) => void): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch (cause) {
    throw wrong(`cert is no certificate in PEM: ${messageOf(cause)}`, cause);
  }
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw wrong(`key is no private key in PEM (one with a passphrase is not supported): ${messageOf(cause)}`, cause);
  }
  if (!matches) throw wrong('key does not belong to cert');
  try {
    createSecureContext({ cert, key, ...(ca && { ca }) });
    if (ca) void new X509Certificate(ca);
  } catch (cause) {
    throw wrong(`cert, key and ca do not work together: ${messageOf(cause)}`, cause);
  }
  const until = Date.parse(certificate.validTo);
  if (until < Date.now()) warn(`the TLS certificate of the gRPC server expired on ${certificate.validTo}; clients will refuse it`);
}

async function pem(name: string, value: string, workDir: string): Promise<Buffer> {
  if (value.trimStart().startsWith('-----BEGIN')) return Buffer.from(value);
  try {
    return await readFile(resolve(workDir, value));
  } catch (cause) {
    throw wrong(`${name} cannot be read: ${messageOf(cause)}; give a path (relative ones start at the working directory) or the PEM text itself`, cause);
  }
}

function wrong(what: string, cause?: unknown): BootError {
  return new BootError('GRPC_TLS', `config Anthill.grpc.tls: ${what}`, { cause });
}
