import { createSecureContext } from 'node:tls';
import type * as Grpc from '@grpc/grpc-js';
import { loadPeer } from '../../common/peer.js';
import type { Draft, Fields, Message } from './etcd.codec.js';
import type { EtcdConnection, EtcdTlsOptions } from './etcd.connection.js';
import type { Method } from './etcd.messages.js';
import { CODE, WireFailure, type EtcdWire, type WireOptions } from './etcd.wire.js';

/** The longest answer that is taken. etcd bounds what it stores (1.5 MiB a request), not what it lists: this is some 100,000 nodes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** @throws BootError PEER_MISSING */
export async function openEtcdWire(connection: EtcdConnection): Promise<EtcdWire> {
  return new GrpcWire(await loadPeer('@grpc/grpc-js', 'etcd()', () => import('@grpc/grpc-js')), connection);
}

class GrpcWire implements EtcdWire {
  private readonly clients: Grpc.Client[];

  constructor(private readonly grpc: typeof Grpc, { endpoints, tls }: EtcdConnection) {
    const options: Grpc.ChannelOptions = {
      // A dead connection shows itself within 15 s. etcd cuts off who pings more often than every 5 s (`--grpc-keepalive-min-time`).
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5000,
      // gRPC's own would be up to two minutes.
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      // Connections of our own: `close` closes them. No web proxy, and no TXT records, stand between a service and its registry.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      ...(tls?.servername !== undefined && { 'grpc.ssl_target_name_override': tls.servername }),
    };
    this.clients = endpoints.map((endpoint) => new grpc.Client(`dns:${endpoint}`, credentialsOf(grpc, tls), options));
  }

  unary<Q extends Fields, A extends Fields>(endpoint: number, method: Method<Q, A>, draft: Draft<Q>, options: WireOptions): Promise<Message<A>> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled());
      const { path, serialize, deserialize, metadata, extra } = this.plan(method, options);
      const call = this.clients[endpoint]!.makeUnaryRequest(path, serialize, deserialize, draft, metadata, extra, (error, answer) => {
        signal?.removeEventListener('abort', cancel);
        if (answer === undefined) reject(failureOf(error));
        else resolve(answer);
      });
      const cancel = () => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  async *stream<Q extends Fields, A extends Fields>(endpoint: number, method: Method<Q, A>, draft: Draft<Q>, options: WireOptions): AsyncGenerator<Message<A>, void, undefined> {
    const { signal } = options;
    if (signal?.aborted) throw cancelled();
    const { path, serialize, deserialize, metadata, extra } = this.plan(method, options);
    // A member without a leader ends the stream: it would serve a silent one for ever.
    metadata.set('hasleader', 'true');
    const call = this.clients[endpoint]!.makeBidiStreamRequest(path, serialize, deserialize, metadata, extra);
    // The error of a call that is left early has no reader.
    call.on('error', () => {});
    const cancel = () => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      call.write(draft);
      for await (const answer of call) yield answer as Message<A>;
    } catch (cause) {
      throw failureOf(cause);
    } finally {
      signal?.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  close(): void {
    for (const client of this.clients) client.close();
  }

  private plan<Q extends Fields, A extends Fields>(method: Method<Q, A>, { token, timeoutMs }: WireOptions) {
    const metadata = new this.grpc.Metadata();
    if (token !== '') metadata.set('token', token);
    return {
      path: method.path,
      serialize: (draft: Draft<Q>) => method.request.encode(draft),
      deserialize: (bytes: Buffer): Message<A> => method.response.decode(bytes),
      metadata,
      extra: timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
    };
  }
}

function credentialsOf(grpc: typeof Grpc, tls: EtcdTlsOptions | undefined): Grpc.ChannelCredentials {
  if (tls === undefined) return grpc.credentials.createInsecure();
  const { servername: _, rejectUnauthorized = true, ...context } = tls;
  return grpc.credentials.createFromSecureContext(createSecureContext({ ...context, minVersion: 'TLSv1.2' }), { rejectUnauthorized });
}

function cancelled(): WireFailure {
  return new WireFailure(1, 'cancelled', false);
}

function failureOf(cause: unknown): WireFailure {
  const { code = 2, details, message } = cause as { code?: number; details?: string; message?: string };
  const said = details || message || String(cause);
  // grpc-js tells apart only in words; what we do not recognise counts as sent.
  const unsent = code === CODE.unavailable ? /No connection established|Name resolution failed/.test(said) : code === CODE.deadlineExceeded && /Waiting for LB pick/.test(said);
  return new WireFailure(typeof code === 'number' ? code : 2, said, !unsent);
}
