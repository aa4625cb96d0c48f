import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireServer } from './find-server.js';

const run = promisify(execFile);

/** PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes a certificate for `localhost` and 127.0.0.1 that is its own authority, good for two days, in a folder of the caller.
 * A test that uses it names `openssl` among its needs.
 */
export async function selfSigned(folder: string): Promise<Certificate> {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await run(requireServer('openssl'), [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/O=test'], // no CN, which etcd would take for a user
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert],
  ]);
  return { cert, key };
}
