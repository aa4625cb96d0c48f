import { consul } from '../../../lib/registry/consul/index.js';
import { nats } from '../../../lib/transport/nats/index.js';
import { mqttCaller } from '../gate/callers.js';
import { backendCallee, GateEcho, gateCallee } from '../gate/gate-app.js';
import type { Peer, Site } from '../peer.js';

const over = ({ nats: servers, consul: addr }: Site) => ({ transport: nats({ servers }), registry: consul({ addr }) });

/** Gate and service in two processes that find each other through Consul; the native wire. */
export const peer: Peer = {
  backend: (site) => backendCallee([GateEcho], over(site)),
  callee: (site) => gateCallee([], over(site)),
  caller: mqttCaller(),
};
