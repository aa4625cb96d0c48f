/**
 * How a node is written into the registry, where that knows several ways: by name (Consul: `mqant`, `grpc`, `hrpc`), by name with options
 * (`{ name: 'grpc', prefix: 'grpc.health.v1.' }`), or what a factory of the registry made (`grpcRecord({ ... })`). A list: once in each way. Registries with one way
 * take no notice.
 * @public
 */
export type RegistrationChoice = string | object | readonly (string | object)[];
