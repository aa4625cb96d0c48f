import type { ServerCredentials, ServerOptions } from '@grpc/grpc-js';

/** The section `grpc` of the config, as the app has read it. */
export interface GrpcServerConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Paths from the working directory, or PEM texts. Without `cert`: no TLS. */
  readonly tls: { readonly cert?: string; readonly key?: string; readonly ca?: string; readonly requireClientCert?: boolean };
  readonly maxMessageBytes: number;
  readonly maxConcurrentStreams: number;
  /** Milliseconds; 0: no pings. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Milliseconds; 0: for ever. */
  readonly maxConnectionAgeMs: number;
  readonly reflection: boolean;
  readonly generic: 'off' | 'public' | 'all';
}

/** What config cannot say of the gRPC server. @public */
export interface GrpcModuleOptions {
  /** Instead of `tls` of the config: credentials of another kind. */
  credentials?: ServerCredentials;
  /** Options of the library, such as `'grpc.max_connection_idle_ms'`; they win over config. */
  channelOptions?: ServerOptions;
}

export const GRPC_MODULE_OPTIONS: unique symbol = Symbol('options of GrpcModule');

/** The library's options for ours. */
export function serverOptions(config: GrpcServerConfig, extra: ServerOptions = {}): ServerOptions {
  const { maxMessageBytes, maxConcurrentStreams, keepaliveMs, keepaliveTimeoutMs, maxConnectionAgeMs } = config;
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': maxConcurrentStreams,
    ...(keepaliveMs > 0 && { 'grpc.keepalive_time_ms': keepaliveMs, 'grpc.keepalive_timeout_ms': keepaliveTimeoutMs }),
    ...(maxConnectionAgeMs > 0 && { 'grpc.max_connection_age_ms': maxConnectionAgeMs }),
    // Statistics of each call that nobody reads.
    'grpc.enable_channelz': 0,
    ...extra,
  };
}
