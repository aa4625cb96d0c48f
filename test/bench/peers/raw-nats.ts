import { connect } from '@nats-io/transport-node';
import type { Peer } from '../peer.js';

/**
 * The client library alone: request over its mux inbox, and a responder that sends back the bytes it got. The caller encodes and decodes the
 * text, as every caller must.
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
    const encoder = new TextEncoder();
    const options = { timeout: 10_000 };
    return {
      call: async () => (await connection.request('bench.echo', encoder.encode(text), options)).string(),
      read: (reply) => reply,
      close: () => connection.close(),
    };
  },
};
