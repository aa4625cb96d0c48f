import { connect, type Msg } from '@nats-io/transport-node';
import type { Peer } from '../peer.js';

/**
 * The client library alone: request over its mux inbox, and a responder. The bytes are made once and the reply is not decoded: this is the
 * floor under everything else here.
 */
export const peer: Peer = {
  async callee({ nats }) {
    const connection = await connect({ servers: nats });
    connection.subscribe('bench.echo', { callback: (_error, message) => void message.respond(message.data) });
    await connection.flush();
    return { close: () => connection.close() };
  },

  async caller({ nats }, text) {
    const connection = await connect({ servers: nats });
    const bytes = new TextEncoder().encode(text);
    const options = { timeout: 10_000 };
    return {
      call: () => connection.request('bench.echo', bytes, options),
      read: (reply) => (reply as Msg).string(),
      close: () => connection.close(),
    };
  },
};
