import type { LoggerService } from '@nestjs/common';
import type { AppPart, HealthReport, Phase } from '../../lib/common/lifecycle.js';
import type { AppOptions } from '../../lib/bootstrap/app-options.js';
import { memory as memoryRegistry, MemoryHub as RegistryHub } from '../../lib/registry/memory.registry.js';
import type { Registration, Registry } from '../../lib/registry/registry.js';
import type { Transport } from '../../lib/rpc/transport.js';
import { memoryHub, type MemoryHub } from '../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../lib/transport/memory/memory.transport.js';

/** What happened, in order; and a way to wait for it. */
export class Recorder {
  readonly log: string[] = [];
  private waiting: { event: string; resolve: () => void }[] = [];

  readonly note = (event: string): void => {
    this.log.push(event);
    const due = this.waiting.filter((waiter) => waiter.event === event);
    this.waiting = this.waiting.filter((waiter) => waiter.event !== event);
    for (const { resolve } of due) resolve();
  };

  /** Resolves when the event is, or was, noted. */
  until(event: string): Promise<void> {
    if (this.log.includes(event)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ event, resolve }));
  }

  /** What was noted since the last time. */
  take(): string[] {
    return this.log.splice(0);
  }
}

/** Replaces some methods of an object and keeps the others. */
function overlay<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get: (object, key) => {
      const own = (methods as Record<PropertyKey, unknown>)[key];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(object, key);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(object) : value;
    },
  });
}

export function recordingTransport({ note }: Recorder, hub: MemoryHub = memoryHub(), methods: Partial<Transport> = {}): Transport {
  const real = memoryTransport(hub);
  return overlay(real, {
    connect: (signal) => {
      note('transport connect');
      return real.connect(signal);
    },
    subscribe: (address, onMessage) => {
      note(`transport subscribe ${kindOf(address)}`);
      return real.subscribe(address, onMessage);
    },
    close: () => {
      note('transport close');
      return real.close();
    },
    ...methods,
  });
}

/** `node hello`, `process`: ids are random. */
function kindOf(address: string): string {
  const [, , type, id] = address.split('.');
  return id === undefined ? 'process' : `node ${type}`;
}

export interface RecordingRegistry extends Registry {
  readonly timings: Map<string, Registration>;
}

export function recordingRegistry({ note }: Recorder, hub = new RegistryHub(), methods: Partial<Registry> = {}): RecordingRegistry {
  const real = memoryRegistry(hub);
  const timings = new Map<string, Registration>();
  const registry = overlay(real, {
    connect: (signal) => {
      note('registry connect');
      return real.connect(signal);
    },
    register: (node, options, signal) => {
      note(`registry register ${node.type}`);
      timings.set(node.type, options);
      return real.register(node, options, signal);
    },
    deregister: (node, signal) => {
      note(`registry deregister ${node.type}`);
      return real.deregister(node, signal);
    },
    close: () => {
      note('registry close');
      return real.close();
    },
    ...methods,
  });
  return overlay(registry, { timings } as Partial<Registry>) as RecordingRegistry;
}

export function recordingPart({ note }: Recorder, phase: Phase, methods: Partial<AppPart> = {}): AppPart {
  return {
    name: `the ${phase} part`,
    phase,
    start: () => note(`part ${phase} start`),
    stop: () => note(`part ${phase} stop`),
    health: (): HealthReport => ({ status: 'up' }),
    ...methods,
  };
}

/** A logger of Nest's that keeps its lines. */
export class Lines implements LoggerService {
  readonly lines: string[] = [];
  readonly log = (message: unknown): void => this.keep('log', message);
  readonly warn = (message: unknown): void => this.keep('warn', message);
  readonly error = (message: unknown): void => this.keep('error', message);
  readonly debug = (message: unknown): void => this.keep('debug', message);
  private waiting: { pattern: RegExp; resolve: (line: string) => void }[] = [];

  /** Lines of a level, without Nest's own. */
  of(level: 'log' | 'warn' | 'error' | 'debug'): string[] {
    return this.lines.filter((line) => line.startsWith(`${level}: `)).map((line) => line.slice(level.length + 2));
  }

  /** The first line that matches, now or later. */
  until(pattern: RegExp): Promise<string> {
    const known = this.lines.find((line) => pattern.test(line));
    return known === undefined ? new Promise((resolve) => this.waiting.push({ pattern, resolve })) : Promise.resolve(known);
  }

  private keep(level: string, message: unknown): void {
    const line = `${level}: ${String(message)}`;
    this.lines.push(line);
    for (const waiter of this.waiting.filter(({ pattern }) => pattern.test(line))) {
      this.waiting.splice(this.waiting.indexOf(waiter), 1);
      waiter.resolve(line);
    }
  }
}

/** Reads nothing of the machine, prints nothing. */
export const isolated = { flags: false, env: {}, configFile: false, logger: false, graceMs: 0 } as const satisfies AppOptions;

/** A promise and what settles it. */
export function gate<T = void>(): { readonly promise: Promise<T>; readonly open: (value: T) => void } {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (open = resolve));
  return { promise, open };
}
