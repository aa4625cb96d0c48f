export { type ConsulOptions, startConsul } from './consul.js';
export { describeWith } from './describe-with.js';
export { type Need, findServer, missing } from './find-server.js';
export { freePort, freePorts } from './free-port.js';
export { buildGo, findGo } from './go.js';
export { type NatsOptions, startNats } from './nats.js';
export { projectRoot } from './project-root.js';
export type { RunningServer } from './server-process.js';
