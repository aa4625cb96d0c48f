/**
 * Anthill for users: annotate classes, start the app, call services. Transports and registries that need a vendor have their own
 * entries (`anthill/nats`, `anthill/consul`); contracts for plug-in authors are in `anthill/plugin`, test helpers in `anthill/testing`.
 */

// Decorators
export { RpcModule, type RpcModuleOptions } from './metadata/rpc-module.decorator.js';
export { RpcContract, contractMethod, type RpcContractOptions } from './metadata/rpc-contract.decorator.js';
export { Handler } from './metadata/handler.decorator.js';
export { Ctx, Meta, Payload } from './metadata/params.decorator.js';
export { Session } from './bootstrap/session.js';
export { InjectRpc, InjectServices, InjectSettings } from './metadata/inject.decorator.js';
export { InjectClient, type ClientRef } from './metadata/inject-client.decorator.js';
export { InjectConfig, OnConfigChange } from './metadata/config.decorators.js';
export { InjectRedis, type InjectRedisOptions } from './redis/inject-redis.decorator.js';
export { RpcErrorClass } from './metadata/rpc-error-class.decorator.js';
export { AppPartProvider } from './metadata/app-part.decorator.js';
export type { OnRun } from './metadata/on-run.js';
export type { ClientClass } from './metadata/tokens.js';

// Databases
export { InjectDb, InjectEntityManager, InjectRepository } from './database/inject.decorators.js';
export { Transactional, type TransactionalOptions } from './database/transactional.decorator.js';
export type { IsolationLevel, TransactionOptions } from './database/transaction-options.js';
export type { EntityRef } from './database/tokens.js';
export type { DatabaseSection, DatabaseType } from './config/database-section.js';

// The app
export { RpcFactory } from './bootstrap/rpc.factory.js';
export { RpcApplication } from './bootstrap/rpc.application.js';
export { AnthillModule, type AnthillModuleAsyncOptions, type AnthillModuleOptions } from './bootstrap/anthill.module.js';
export type { AppOptions, ModulesOptions } from './bootstrap/app-options.js';
export type { AppHooks, HookedApp } from './bootstrap/app-hooks.js';
export type { StartOptions } from './bootstrap/app-engine.js';
export type { LocalNode } from './bootstrap/local-node.js';
export type { AppHealth, AppPart, AppState, HealthReport } from './common/lifecycle.js';
export type { AppConfig, ModuleConfig } from './config/app-config.js';

// Config
export { Config, type ConfigPath, type ConfigSetOptions } from './config/config.js';
export { ConfigValue, type ConfigListener } from './config/config-value.js';
export type { ConfigEntry, ConfigSource, ConfigWriteOptions } from './config/config-source.js';
export type { ConfigOf, ConfigSchema, StandardIssue, StandardResult, StandardSchema } from './common/standard-schema.js';
export type { RedisConfig, RedisSection } from './config/redis-section.js';
export { memoryConfig, MemoryConfigHub } from './config/memory.source.js';

// Calls
export type { LocalNodeHandle } from './rpc/local-node-handle.js';
export { Rpc } from './rpc/rpc.client.js';
export { RpcSession } from './rpc/rpc-session.js';
export { Client } from './rpc/client-type.js';
export type { MessageBody } from './common/session.js';
export { GateSession } from './rpc/gate-session.js';
export { RpcContext, currentContext } from './common/call-context.js';
export { RpcError, type RpcErrorInit } from './common/rpc-error.js';
export { RpcCode, type RpcCodeName } from './common/rpc-code.js';
export { BootError } from './common/boot-error.js';
export type { CallOptions, ReplyOf } from './rpc/call-options.js';
export type { ClientOptions } from './common/client-contract.js';
export type { Concurrency, ErrorClass, ErrorTypeOptions, HandlerOptions } from './common/handler-options.js';
export type { RpcRequest } from './wiring/enhanced-scope.js';
export type { Injected } from './common/injected.js';
export type { CallInfo, Interceptor } from './rpc/interceptor.js';
export type { ServedCall, ServerHooks } from './rpc/server-hooks.js';

// Values
export { double, float, int, long, mapstr, proto, TypedValue } from './common/value-types.js';
export type { Marshaler, MarshalerClass, ProtoSchema, ReplyType, ValueType, WireTypeName } from './common/value-types.js';
export { msgpack } from './rpc/msgpack.codec.js';
export { json } from './rpc/json.codec.js';

// Selection
export { random } from './selector/random.selector.js';
export { roundRobin } from './selector/round-robin.selector.js';
export { weighted, type WeightedOptions } from './selector/weighted.selector.js';
export { leastInFlight } from './selector/least-in-flight.selector.js';
export { consistentHash, type ConsistentHashOptions } from './selector/consistent-hash.selector.js';
export { preferZone, type PreferZoneOptions } from './selector/prefer-zone.selector.js';
export { custom } from './selector/custom.selector.js';
export { any, label, not, version, where } from './selector/filters.js';
export { tagged } from './selector/tagged.js';
export { Services, type ServiceInstance, type ServiceQuery } from './selector/services.js';
export type { DiscoveryOptions, OutlierDetectionOptions } from './common/discovery-options.js';
export type { CallOutcome, NodeFilter, OutcomeError, PickHint, SelectOptions, Selector } from './common/selection.js';
export type { ExplainedNode, Objection, PickExplanation, SelectorView } from './common/explanation.js';
export type { ExplainOptions } from './rpc/explain-call.js';
export type { ServiceNode } from './common/service-node.js';

// Health
export { HealthModule } from './health/health.module.js';
export type { HealthOptions } from './health/health.server.js';

// In-process adapters and wires
export { memory as memoryTransport } from './transport/memory/memory.transport.js';
export { memoryHub as memoryTransportHub } from './transport/memory/memory.hub.js';
export { uniqueIds, UniqueIds, type UniqueIdsOptions } from './registry/unique-ids.js';
export { memoryWorkerIds } from './registry/memory.worker-ids.js';
export { SNOWFLAKE_EPOCH_MS } from './common/snowflake.js';
export { memory as memoryRegistry, MemoryHub as MemoryRegistryHub } from './registry/memory.registry.js';
export { anthillWire } from './wire/anthill/anthill.wire.js';
export { mqantWire, type MqantWireOptions } from './wire/mqant/mqant.wire.js';
export { Trace } from './rpc/trace.js';
export type { ValueSerializer } from './rpc/value-serializer.js';
