import { mqttCaller } from '../gate/callers.js';
import { GateEcho, gateCallee } from '../gate/gate-app.js';
import type { Peer } from '../peer.js';

/** Gate and service in one process. */
export const peer: Peer = { callee: () => gateCallee([GateEcho]), caller: mqttCaller() };
