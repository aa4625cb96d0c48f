/**
 * Anthill for plug-in authors: the contracts of transports, registries, wires, codecs and selectors, and what the core gives them to work with.
 * Contract suites that a plug-in should pass are in `anthill/testing`.
 */
export type { Delivery, Subscription, Transport, TransportEvents } from './rpc/transport.js';
export type { CallCarrier, NodeHost, OutboundCall, Wire, WireLink, WirePeer } from './rpc/wire.js';
export type { HandlerDescriptor, HandlerEntry, Responder } from './rpc/handler-entry.js';
export type { HandlerHost, ServiceHost, ServiceOptions } from './rpc/service-host.js';
export { APP_CONFIG, APP_HANDLE, type AppHandle } from './metadata/tokens.js';
export { needModule, type ModuleSupplier } from './metadata/needed-module.js';
export type { Codec } from './rpc/codec.js';
export { ByteReader, MalformedBytes } from './rpc/byte-reader.js';
export { ByteWriter } from './rpc/byte-writer.js';
export type { Discovery, Registrar, Registration, RegistrationOptions, Registry, ServiceSnapshot } from './registry/registry.js';
export type { NodePicker, Picked, PickHint, Selector, ServiceChange } from './common/selection.js';
export { NODE_META, parseTarget, type ServiceNode } from './common/service-node.js';
export { rpcError, RPC_REASONS, type RpcReason } from './common/error-catalog.js';
export { RpcContext, type RpcContextInit } from './common/call-context.js';
export type { WorkerClaim, WorkerIds } from './common/worker-ids.js';
export { WORKER_IDS } from './common/snowflake.js';
export { Backoff, type BackoffOptions } from './common/backoff.js';
export { sleep, systemClock, systemRandom, type Clock, type RandomSource } from './common/clock.js';
export { DeadlineEntry, DeadlineQueue } from './common/deadline-queue.js';
export { events, type CallEvent, type CountEvent, type StateEvent } from './common/events.js';
export type { RegistrationChoice } from './common/registration-choice.js';
export { hostPort, parseHostPort } from './common/host-port.js';
export { PHASES, type AppPart, type HealthReport, type NodeToAdvertise, type Phase } from './common/lifecycle.js';
export type { LogFields, Logger } from './common/logger.js';
export { loadPeer } from './common/peer.js';
export type { ConfigLayer, KeyPath } from './config/config-layer.js';
export type { ConfigEntry, ConfigSource, ConfigWriteOptions } from './config/config-source.js';
export type { PluginContext, PluginFactory, PluginTable } from './bootstrap/plugin-table.js';
