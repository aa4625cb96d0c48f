/** `anthill/gate`: long connections of clients, with sessions and push. */
export { GateModule } from './gate.module.js';
export { GatePart } from './gate.part.js';
export type { Authenticate, Authenticator, GateCredentials, GateIdentity, GateLimits, GateOptions, ListenOptions, WebSocketOptions } from './gate.options.js';
export type { GateHooks, GateStorage } from './gate-hooks.js';
export type { Routed, RouteContext, RouteHandler } from './route.js';
export { Gates, type PushOptions } from './gates.js';
export { InjectGates } from './inject-gates.decorator.js';
export { uriRoute, type UriRouteOptions } from './uri-route.js';
export { mqantRoute } from './mqant-route.js';
export { mqantEnvelope, type ReplyEnvelope } from './envelope.js';
export { memoryGateStore } from './store/memory.store.js';
export { redisGateStore, type RedisClient, type RedisGateStoreOptions } from './store/redis.store.js';
export type { DuplicatePolicy, GateStore, KeptPush, OpenedSession, RetainedMessage, RetainLimits, SessionPlace, StoredPush, StoredSession, SubscribedPush, WaitingPush } from './store/gate-store.js';
export type { Admission, AgentFactory, AgentHost, AgentSettings, ClientHello, ClientMessage, GateAgent, PushMessage, Refusal } from './agent.js';
export { RefusedClient } from './agent.js';
export { ConnectionAgent } from './connection-agent.js';
export type { ByteConnection, CloseReason, RemotePeer } from './connection.js';
