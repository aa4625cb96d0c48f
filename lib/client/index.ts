/** `anthill/client`: the client of a gate, for browsers and Node. Imports nothing. */
export { connect, GateClient, type GateService, type RequestOptions, type ServiceMap } from './gate-client.js';
export { GateError, type GateErrorCode } from './gate-error.js';
export type { ClientState, ConnectOptions } from './gate-link.js';
export type { TopicListener } from './topic-listeners.js';
export type { WebSocketClass, WebSocketLike } from './web-socket.js';
