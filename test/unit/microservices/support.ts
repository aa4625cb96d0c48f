import assert from 'node:assert/strict';
import { Module, type INestMicroservice, type LoggerService, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { AnthillModule, type AnthillModuleOptions } from '../../../lib/bootstrap/anthill.module.js';
import type { AppOptions } from '../../../lib/bootstrap/app-options.js';
import { RpcApplication } from '../../../lib/bootstrap/rpc.application.js';
import { anthillMicroservice } from '../../../lib/microservices/nest-options.js';
import type { AnthillStrategyOptions } from '../../../lib/microservices/anthill.strategy.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { memory as memoryRegistry, MemoryHub } from '../../../lib/registry/memory.registry.js';
import { createTestingApp } from '../../../lib/testing/testing-app.js';
import { memoryHub } from '../../../lib/transport/memory/memory.hub.js';
import { memory as memoryTransport } from '../../../lib/transport/memory/memory.transport.js';

/** Plug-ins for apps that shall see each other; a new set for each app. */
export type Plugs = () => Pick<AppOptions, 'transport' | 'registry'>;

/** A world in memory. */
export function inMemory(): Plugs {
  const [transport, registry] = [memoryHub(), new MemoryHub()];
  return () => ({ transport: memoryTransport(transport), registry: memoryRegistry(registry) });
}

/** Reads nothing from outside, says nothing, does not linger. */
export function isolated(plugs: Plugs): AnthillModuleOptions {
  return { env: {}, configFile: false, logger: false, graceMs: 0, ...plugs() };
}

/** A process with nothing to serve: the caller. */
export function caller(plugs: Plugs, modules: Type[] = []): Promise<RpcApplication> {
  return createTestingApp({ modules, ...plugs() });
}

/** What a user writes: a root module with AnthillModule and controllers. */
export function rootModule(plugs: Plugs, parts: { controllers?: Type[]; providers?: NonNullable<Parameters<typeof Module>[0]['providers']>; modules?: Type[] }): Type {
  const { modules, ...rest } = parts;
  @Module({ imports: [AnthillModule.forRoot({ ...isolated(plugs), ...(modules && { modules }) })], ...rest })
  class AppModule {}
  return AppModule;
}

/** Waits for something that happens in later turns of the event loop. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setImmediate(resolve));
}

/** For `assert.rejects`. */
export function rpcError(code: string, message: RegExp, more: Partial<RpcError> = {}) {
  return (error: unknown): boolean => {
    assert.ok(RpcError.is(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    for (const [key, value] of Object.entries(more)) {
      const actual: unknown = error[key as keyof RpcError];
      assert.deepEqual(typeof value === 'object' ? { ...(actual as object) } : actual, value, key);
    }
    return true;
  };
}

/** Keeps what Nest's loggers were told. */
export class RecordingLogger implements LoggerService {
  readonly lines: string[] = [];
  log(message: unknown): void {
    this.lines.push(`log ${String(message)}`);
  }
  warn(message: unknown): void {
    this.lines.push(`warn ${String(message)}`);
  }
  error(message: unknown): void {
    this.lines.push(`error ${String(message)}`);
  }
}

/** As in a user's main.ts, not listening yet. */
export function microservice(root: Type, options: AnthillStrategyOptions, logger: LoggerService | false = false): Promise<INestMicroservice> {
  return NestFactory.createMicroservice<AsyncMicroserviceOptions>(root, { ...anthillMicroservice(options), logger, abortOnError: false });
}
