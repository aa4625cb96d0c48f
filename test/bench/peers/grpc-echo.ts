import { join } from 'node:path';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import * as grpc from '@grpc/grpc-js';
import { projectRoot } from '../../services/index.js';
import type { Caller } from '../peer.js';

export const ECHO_PROTO = join(projectRoot(), 'test/bench/echo.proto');
export const ECHO_SERVICE = 'bench.v1.Echo';

/** Messages as Anthill reads them, for all peers. */
export const LOADER = { longs: String, enums: String, defaults: true, arrays: true, objects: true, oneofs: true };

/** The definition that the library alone works with. */
export function echoMethod(): ServiceDefinition[string] {
  return (loadSync(ECHO_PROTO, LOADER)[ECHO_SERVICE] as ServiceDefinition).Echo!;
}

/** A caller of the library alone, with the deadline that Anthill gives each call. */
export async function bareCaller(text: string, port: unknown): Promise<Caller> {
  const { path, requestSerialize, responseDeserialize } = echoMethod();
  const client = new grpc.Client(`127.0.0.1:${String(port)}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  return {
    call: () =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { text }, metadata, { deadline: Date.now() + 10_000 }, (error, reply) => (error ? reject(error) : resolve(reply)));
      }),
    read: (reply) => (reply as { text: string }).text,
    close: async () => client.close(),
  };
}
