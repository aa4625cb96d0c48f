import { mqttCaller } from '../gate/callers.js';
import { GatePush, gateCallee } from '../gate/gate-app.js';
import type { Peer } from '../peer.js';

/** A client's message makes a service push to a group, of which all clients are members. */
export const peer: Peer = {
  callee: () => gateCallee([GatePush], {}, (app, session) => app.get<GatePush>(GatePush).join(session)),
  caller: mqttCaller('push/HD_group'),
};
