import assert from 'node:assert/strict';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { resolveEtcdConnection } from '../../lib/backend/etcd/etcd.connection.js';
import { openEtcdClient } from '../../lib/backend/etcd/etcd.open.js';
import { Config, ConfigValue, InjectConfig, RpcFactory, RpcModule, type AppOptions, type ConfigOf, type RpcApplication } from '../../lib/index.js';
import type { ConfigSource } from '../../lib/plugin.js';
import { consulConfig } from '../../lib/registry/consul/index.js';
import { etcdConfig } from '../../lib/registry/etcd/index.js';
import { isolated, Lines } from '../integration/app.support.js';
import { startConsul, startEtcd, type RunningServer } from '../services/index.js';

const Load = z.object({ n: z.number().int().min(0).default(0), twice: z.number().default(0) }).refine(({ n, twice }) => twice === 2 * n, 'twice must be twice n').prefault({});

@Injectable()
export class Reader {
  constructor(
    @InjectConfig('load', Load) readonly load: ConfigValue<ConfigOf<typeof Load>>,
    @InjectConfig('other') readonly other: ConfigValue<unknown>,
    readonly config: Config,
  ) {}
}

@RpcModule({ type: 'reader', providers: [Reader] })
export class ReaderModule {}

/** A store to test with. */
export interface Store {
  readonly server: RunningServer;
  source(prefix: string, more?: object): ConfigSource;
  put(key: string, text: string): Promise<void>;
  close(): Promise<void>;
}

async function consulStore(): Promise<Store> {
  const server = await startConsul();
  return {
    server,
    source: (prefix, more) => consulConfig({ addr: server.url, prefix, timeoutMs: 1000, env: {}, ...more }),
    async put(key, text) {
      const answer = await fetch(`${server.url}/v1/kv/${key}`, { method: 'PUT', body: text });
      assert.ok(answer.ok, `${answer.status}`);
    },
    close: () => server.stop(),
  };
}

async function etcdStore(): Promise<Store> {
  const server = await startEtcd();
  const client = await openEtcdClient(resolveEtcdConnection({ endpoints: server.url }));
  return {
    server,
    source: (prefix, more) => etcdConfig({ endpoints: server.url, prefix, timeoutMs: 1000, ...more }),
    put: async (key, text) => void (await client.put(key, text)),
    async close() {
      client.close();
      await server.stop();
    },
  };
}

/** Stores that config centres stand in. */
export const stores = [['consul', 'consul', consulStore], ['etcd', 'etcd', etcdStore]] as const;

export interface ReaderApp {
  readonly app: RpcApplication;
  readonly reader: Reader;
  /** Of the part `config` in health. */
  detail(): string | undefined;
}

/** An app that reads its config from there. */
export async function startReader(ends: (() => Promise<unknown>)[], sources: ConfigSource[], more: AppOptions = {}): Promise<ReaderApp> {
  const app = await RpcFactory.create({ ...isolated, modules: [ReaderModule], sources, logger: new Lines(), ...more });
  ends.push(() => app.stop());
  await app.start();
  return { app, reader: app.get(Reader), detail: () => app.health().parts.find((part) => part.name === 'config')?.detail };
}
