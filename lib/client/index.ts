/** `anthill/client`: the client of a gate, for browsers and Node. Imports nothing. */
export type { ClientTransport } from './channel.js';
export { connect, GateClient } from './gate-client.js';
export { GateError, type GateErrorCode } from './gate-error.js';
export type { ClientState, ConnectOptions } from './gate-link.js';
export type { ClientSchema, SchemaResult } from './schema.js';
export type { GateService, MethodSchemas, RequestOptions, SchemaService, ServiceMap } from './service.js';
export type { TopicListener } from './topic-listeners.js';
export type { WebSocketClass, WebSocketLike } from './web-socket.js';
