/** Test helpers for users, and contract suites for plug-in authors. */
export { createTestingApp, type TestingAppOptions, type TestingOverride } from './testing-app.js';
export { FakeClock } from './fake-clock.js';
export { registryContract, type RegistryFixture } from './registry.contract.js';
export { transportContract, type TransportRig } from './transport.contract.js';
export { configSourceContract, type ConfigSourceFixture } from './config-source.contract.js';
export { codecContract } from './codec.contract.js';
export { workerIdsContract, type WorkerIdsFixture } from './worker-ids.contract.js';
export { gateStoreContract, type GateStoreSubject } from './gate-store.contract.js';
