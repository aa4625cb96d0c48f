import type { HealthReport } from '../common/lifecycle.js';
import type { RegistrationChoice } from '../common/registration-choice.js';
import type { ServiceNode } from '../common/service-node.js';

/** How long a registration lives and how often it is renewed. @public */
export interface RegistrationOptions {
  /** A node that stops renewing is gone after this. @default 20000 */
  ttlMs?: number;
  /** @default 10000 */
  intervalMs?: number;
  /** How the node is written, in registries that know several ways. @default the registry's */
  record?: RegistrationChoice;
}

/** A registration with its times decided. @plugin */
export interface Registration extends RegistrationOptions {
  readonly ttlMs: number;
  readonly intervalMs: number;
}

/**
 * All nodes of one service at one moment. A new snapshot object comes only when the content differs.
 * @plugin
 */
export interface ServiceSnapshot {
  readonly service: string;
  /** Sorted by id. Unhealthy nodes are not in it. */
  readonly nodes: readonly ServiceNode[];
}

/** The writing side. @plugin */
export interface Registrar {
  /**
   * Puts the node in, or renews it: idempotent, called again each interval and at once when metadata changed.
   * After it resolves, `get` on the same registry shows the node as healthy. Heals what the backend has forgotten.
   */
  register(node: ServiceNode, options: Registration, signal?: AbortSignal): Promise<void>;
  /** Takes the node out. Unknown nodes are no error. */
  deregister(node: ServiceNode, signal?: AbortSignal): Promise<void>;
}

/** The reading side. @plugin */
export interface Discovery {
  /** The healthy nodes now; an empty snapshot for a service nobody knows. Rejects when the backend cannot be asked. */
  get(service: string, signal?: AbortSignal): Promise<ServiceSnapshot>;
  /** Names of services that have at least one node. */
  list(signal?: AbortSignal): Promise<readonly string[]>;
  /**
   * The current snapshot first, then one for each change, until `signal` aborts. Never throws and never ends before that: while the
   * backend is away it backs off and goes on; what was missed comes as one new snapshot.
   */
  watch(service: string, signal: AbortSignal): AsyncIterable<ServiceSnapshot>;
}

/**
 * A service registry. `memory()` is the reference; adapters pass `registryContract` of `anthill/testing`.
 * @plugin
 */
export interface Registry extends Registrar, Discovery {
  readonly name: string;
  /** One try to reach the backend, for `failFast` starts and health. Rejects with a message that names the address and what to try. */
  connect(signal?: AbortSignal): Promise<void>;
  health(): HealthReport;
  /**
   * Whether a node can be registered as its module wants it; asked before anything starts. Registries that write in one way need not have it, and take no notice
   * of the choice. @throws BootError
   */
  checkRegistration?(nodeId: string, record: RegistrationChoice): void;
  /** Ends watches and timers. Registered nodes stay (the app deregisters them before). */
  close(): Promise<void>;
}
