import { connect } from '@nats-io/transport-node';
import { aedesCallee } from '../gate/aedes.js';
import { mqttCaller } from '../gate/callers.js';
import type { Peer } from '../peer.js';

const SUBJECT = 'bench.gate.echo';

/** What a team writes by hand with its service in another process: nats.js request/reply behind, with its mux inbox and a timeout. */
export const peer: Peer = {
  async backend({ nats }) {
    const connection = await connect({ servers: nats });
    connection.subscribe(SUBJECT, {
      callback: (_error, message) => {
        const { text } = message.json<{ text: string }>();
        message.respond(JSON.stringify({ Error: '', Result: text }));
      },
    });
    await connection.flush();
    return { close: () => connection.close() };
  },
  async callee({ nats }) {
    const connection = await connect({ servers: nats });
    const server = await aedesCallee(async (body) => Buffer.from((await connection.request(SUBJECT, body, { timeout: 10_000 })).data));
    return {
      ...server,
      close: async () => {
        await server.close();
        await connection.close();
      },
    };
  },
  caller: mqttCaller(),
};
