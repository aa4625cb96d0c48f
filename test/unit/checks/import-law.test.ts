import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkLaws } from '../../checks/check-laws.js';

const manifest = { name: 'anthill', dependencies: ['@nestjs/common', '@nestjs/core', 'rxjs', 'jsonc-parser'], peers: ['consul', 'ioredis', '@nats-io/transport-node'] };

/** The laws that files of lib/ break, as `law file:line`. */
function broken(sources: Record<string, string>): string[] {
  return checkLaws(new Map(Object.entries(sources)), manifest).map(({ law, file, line }) => `${law} ${file}:${line}`);
}

const clean = {
  'index.ts': "export { Bus } from './common/bus.js';\nexport { Start } from './bootstrap/start.js';",
  'common/bus.ts': "import { EventEmitter } from 'node:events';\nexport class Bus extends EventEmitter { static readonly limit = 3; }",
  'common/table.ts': 'const words: ReadonlyMap<string, string> = new Map();\nconst few = new Set([1]);\nexport const none: readonly string[] = [];\nexport const all = [words, few];',
  'metadata/mark.ts': "import { type DynamicModule, Inject, SetMetadata } from '@nestjs/common';\nexport const mark = () => [SetMetadata(1, 2), Inject()] as DynamicModule[];",
  'registry/consul/consul.client.ts': "import type Consul from 'consul';\nexport const load = (): Promise<Consul> => import('consul');",
  'registry/consul/index.ts': "export { load } from './consul.client.js';",
  'transport/nats/nats.link.ts': "import { connect } from '@nats-io/transport-node';\nimport { Bus } from '../../common/bus.js';\nexport const link = [connect, Bus];",
  'redis/redis.module.ts': "import type { Redis } from 'ioredis';\nexport type R = Redis;",
  'bootstrap/start.ts': "import { Module } from '@nestjs/common';\nimport { Bus } from '../common/bus.js';\nprocess.once('SIGTERM', () => process.exit(0));\nexport class Start { m = [Module, Bus]; async run() { await 1; } }",
};

describe('the import law', () => {
  it('lets lawful sources pass', () => {
    assert.deepEqual(broken(clean), []);
  });

  it('knows every folder', () => {
    assert.deepEqual(broken({ 'helpers/x.ts': 'export {};' }), ['layer helpers/x.ts:1']);
    assert.deepEqual(broken({ 'loose.ts': 'export {};' }), ['layer loose.ts:1']);
  });

  it('forbids imports down the table and between siblings, of types too', () => {
    const common = { 'common/a.ts': "\nimport type { B } from '../rpc/b.js';\nexport type A = B;", 'rpc/b.ts': 'export type B = 1;' };
    assert.deepEqual(broken(common), ['layer common/a.ts:2']);
    const siblings = { 'broker/a.ts': "export * from '../gateway/b.js';", 'gateway/b.ts': 'export {};' };
    assert.deepEqual(broken(siblings), ['layer broker/a.ts:1']);
    const inType = { 'rpc/a.ts': "export type A = import('../registry/b.js').B;", 'registry/b.ts': 'export type B = 1;' };
    assert.deepEqual(broken(inType), ['layer rpc/a.ts:1']);
  });

  it('forbids cycles, through types too, and names each once', () => {
    const cycle = {
      'rpc/a.ts': "import { b } from './b.js';\nexport const a = b;",
      'rpc/b.ts': "import type { C } from './c.js';\nexport const b = 1 as C;",
      'rpc/c.ts': "import type { a } from './a.js';\nexport type C = typeof a;",
    };
    assert.deepEqual(broken(cycle), ['cycle rpc/a.ts:1']);
  });

  it('forbids barrels inside lib, and the name of the library itself', () => {
    const barrel = { 'selector/a.ts': "export * from '../registry/index.js';\nimport 'anthill';", 'registry/index.ts': 'export {};' };
    assert.deepEqual(broken(barrel), ['barrel selector/a.ts:1', 'barrel selector/a.ts:2']);
  });

  it('forbids imports of files that are not there', () => {
    assert.deepEqual(broken({ 'common/a.ts': "import './gone.js';" }), ['file common/a.ts:1']);
  });

  it('keeps vendors in files that bear their name', () => {
    assert.deepEqual(broken({ 'registry/agent.ts': "import type Consul from 'consul';\nexport type C = Consul;" }), ['vendor registry/agent.ts:1']);
    assert.deepEqual(broken({ 'transport/link.ts': "export const l = import('@nats-io/transport-node');" }), ['vendor transport/link.ts:1']);
  });

  it('forbids packages that a user would not have', () => {
    assert.deepEqual(broken({ 'common/a.ts': "import 'lodash';" }), ['undeclared common/a.ts:1']);
    assert.deepEqual(broken({ 'common/a.ts': "const x = require('lodash');" }), ['undeclared common/a.ts:1']);
  });

  it('keeps Nest out of the folders that run without it', () => {
    assert.deepEqual(broken({ 'rpc/a.ts': "import type { Type } from '@nestjs/common';\nexport type T = Type;" }), ['nest rpc/a.ts:1']);
    assert.deepEqual(broken({ 'common/a.ts': "import { of } from 'rxjs';\nexport { of };" }), ['nest common/a.ts:1']);
    assert.deepEqual(broken({ 'metadata/a.ts': "import { Logger } from '@nestjs/common';\nexport { Logger };" }), ['nest metadata/a.ts:1']);
    assert.deepEqual(broken({ 'metadata/a.ts': "import { Reflector } from '@nestjs/core';\nexport { Reflector };" }), ['nest metadata/a.ts:1']);
  });

  it('wants optional peers out of what the main entry loads', () => {
    const eager = { 'index.ts': "export { link } from './transport/nats/nats.link.js';", 'transport/nats/nats.link.ts': clean['transport/nats/nats.link.ts'], 'common/bus.ts': clean['common/bus.ts'] };
    assert.deepEqual(broken(eager), ['lazy transport/nats/nats.link.ts:1']);
  });

  it('leaves the process to bootstrap and cli', () => {
    const source = "process.exit(1);\nprocess.on('SIGTERM', () => {});\nfor (const s of ['SIGINT']) process.once(s, () => {});\nprocess.on('warning', () => {});";
    assert.deepEqual(broken({ 'rpc/a.ts': source }), ['process rpc/a.ts:1', 'process rpc/a.ts:2', 'process rpc/a.ts:3']);
  });

  it('forbids state at module level and top-level await', () => {
    const source = 'let count = 0;\nexport const cache = new Map<string, string>();\nconst list: string[] = [];\nclass A { static last = 1; static readonly all = new Set(); }\nawait 1;\nexport const f = async () => { await 1; let x = 1; };';
    assert.deepEqual(broken({ 'rpc/a.ts': source }), ['state rpc/a.ts:1', 'state rpc/a.ts:2', 'state rpc/a.ts:3', 'state rpc/a.ts:4', 'state rpc/a.ts:4', 'state rpc/a.ts:5']);
  });
});
