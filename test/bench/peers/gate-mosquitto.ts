import { startMosquitto } from '../../services/index.js';
import { mqttCaller } from '../gate/callers.js';
import type { Peer } from '../peer.js';

/** Mosquitto, written in C; a worker starts it and waits. Its queues are as long as it takes for the load. */
export const peer: Peer = {
  async callee() {
    const server = await startMosquitto({ config: 'max_inflight_messages 1000\nmax_queued_messages 10000' });
    return { handOver: { tcp: server.port }, pid: server.pid, close: () => server.stop() };
  },
  caller: mqttCaller(),
};
