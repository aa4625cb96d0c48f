import { WARM_UP_IN_FLIGHT } from '../closed-loop.js';
import type { Peer } from '../peer.js';
import { fanOutCaller } from './fan-out.js';
import { flowCaller } from './flow.js';
import { requestCaller } from './request.js';

/** Ports as a server of MQTT hands them over. */
export interface GatePorts {
  readonly tcp: number;
  readonly websocket?: number;
}

/** The same clients for all servers. @param trigger a topic that sets off a fan-out, where that is not a publish to subscribers */
export function mqttCaller(trigger?: string): Peer['caller'] {
  return async (_site, text, handOver, load) => {
    const { tcp } = handOver as GatePorts;
    if (load.flow) return flowCaller(tcp, text, load.flow);
    if (load.fanOut) return fanOutCaller(tcp, text, load.fanOut, trigger);
    return requestCaller(tcp, text, Math.max(load.inFlight, WARM_UP_IN_FLIGHT));
  };
}
