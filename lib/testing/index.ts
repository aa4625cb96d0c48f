/** Test helpers for users, and contract suites for plug-in authors. */
export { createTestingApp, type TestingAppOptions, type TestingOverride } from './testing-app.js';
export { registryContract } from './registry.contract.js';
export { transportContract } from './transport.contract.js';
export { codecContract } from './codec.contract.js';
