import { BootError } from '../common/boot-error.js';

/** By what a plug-in is told from its name in config, where both are objects; and how to get one. */
const KINDS = {
  transport: { methods: ['connect', 'subscribe', 'send'], example: "memoryTransport(), nats({ ... }) or 'nats'" },
  registry: { methods: ['register', 'deregister', 'get', 'watch'], example: "memoryRegistry(), consul({ ... }) or 'consul'" },
  selector: { methods: ['pick'], example: "random(), custom(...) or 'round-robin'" },
  codec: { methods: ['encode', 'decode'], example: "msgpack(), json() or 'json'" },
  configCentre: { methods: ['load'], example: "consulConfig({ ... }) or 'consul'" },
  wire: { methods: ['open'], example: "anthillWire(), mqantWire() or 'mqant'" },
} as const satisfies Record<string, { methods: readonly string[]; example: string }>;

export type PluginKind = keyof typeof KINDS;

/** What an option of `create` says: the plug-in itself, or what config could say as well; neither when it is not given. */
export interface Chosen<T> {
  readonly instance?: T;
  readonly named?: string | { name: string };
}

/** @throws BootError PLUGIN_INVALID for what is neither a plug-in nor a name */
export function chosen<T>(kind: PluginKind, given: unknown): Chosen<T> {
  if (given === undefined) return {};
  if (typeof given === 'string') return { named: given };
  const missing = KINDS[kind].methods.filter((method) => typeof (given as Record<string, unknown> | null)?.[method] !== 'function');
  if (missing.length === 0) return { instance: given as T };
  if (isNameWithOptions(given)) return { named: given };
  throw new BootError('PLUGIN_INVALID', `option ${kind} got ${shown(given, missing)}; it wants a plug-in or its name, such as ${KINDS[kind].example}`);
}

function isNameWithOptions(given: unknown): given is { name: string } {
  return typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === Object.prototype && typeof (given as { name?: unknown }).name === 'string';
}

function shown(given: unknown, missing: readonly string[]): string {
  if (typeof given === 'function') return `the function ${given.name || 'without name'}: was it not called?`;
  if (given instanceof Promise) return 'a promise: await it first';
  if (typeof given === 'object' && given !== null) return `an object without ${missing.join(', ')}`;
  return String(given);
}
