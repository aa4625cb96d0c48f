import { flag, integer, object, text } from './spec-words.js';
import type { Spec } from './spec.js';

/** The gRPC server of `anthill/grpc`. @public */
export interface GrpcSection {
  /** Address to listen on. */
  host?: string;
  /** 0: any free one. */
  port?: number;
  /** Paths, relative ones from the working directory, or PEM texts. Without `cert`: no TLS. `ca` and `requireClientCert` go together: mutual TLS. */
  tls?: { cert?: string; key?: string; ca?: string; requireClientCert?: boolean };
  /** Largest request. */
  maxMessageBytes?: number;
  /** Calls of one connection at a time. */
  maxConcurrentStreams?: number;
  /** 0: no pings. */
  keepaliveMs?: number;
  keepaliveTimeoutMs?: number;
  /** 0: for ever. */
  maxConnectionAgeMs?: number;
  reflection?: boolean;
  /** Who may call `@Handler`s through `anthill.v1.Rpc`: nobody, anybody those that are `public`, or all of them. */
  generic?: 'off' | 'public' | 'all';
}

/** The section `grpc`. */
export const grpcSpec = object('The gRPC server, where there are gRPC services.', {
  host: text('Address to listen on.', { default: '0.0.0.0' }),
  port: integer('Port to listen on; 0: any free one.', 0, { max: 65_535, default: 8888 }),
  tls: object('TLS. Files by their paths, relative ones from the working directory, or PEM texts; without cert: none.', {
    cert: text('Certificate chain of the server.'),
    key: text('Private key of the server.'),
    ca: text('Certificates that client certificates must come from.'),
    requireClientCert: flag('Refuse clients without a certificate that comes from ca.', { default: false }),
  }),
  maxMessageBytes: integer('Largest request; one that is larger fails with RESOURCE_EXHAUSTED.', 1, { default: 4_194_304 }),
  maxConcurrentStreams: integer('Calls of one connection at the same time; clients hold back what is above.', 1, { default: 1000 }),
  keepaliveMs: integer('Milliseconds between pings to idle clients; 0: none.', 0, { default: 60_000 }),
  keepaliveTimeoutMs: integer('A client that does not answer a ping for so long is gone.', 1, { default: 20_000 }),
  maxConnectionAgeMs: integer('Connections are closed gently after this time, so that clients spread anew; 0: never.', 0, { default: 0 }),
  reflection: flag('Tell clients such as grpcurl what is served.', { default: true }),
  generic: text('Handlers that can be called through anthill.v1.Rpc, without a proto: none, those that are public, or all.', { oneOf: ['off', 'public', 'all'], default: 'off' }),
} satisfies Record<keyof GrpcSection, Spec>);
