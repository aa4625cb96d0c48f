import { deflateSync, inflateSync } from 'node:zlib';
import type { ServiceNode } from '../../common/service-node.js';
import type { ConsulCheck, ConsulHealthEntry, ConsulRegistration } from '../../backend/consul/consul.rows.js';
import { freezeNode } from '../snapshot.js';
import type { ConsulRecord } from './consul.record.js';
import { goDuration } from './go-duration.js';

/*
 * mqant's Consul record (registry/encoding.go): one tag `t-HEX` per metadata pair, then one `v-HEX`, HEX being lower-case hex of zlib data. Go and
 * Node compress to different bytes of the same meaning, so compare decoded values, never tags.
 */

/** A tag never inflates to more than this: a stranger's tag must not fill our memory. */
const MAX_TAG_BYTES = 64 * 1024;
const MINUTE_MS = 60_000;

/**
 * What mqant writes: the subject as address, metadata and version as tags, a TTL that we renew. Callers that are no gRPC clients see all of a node.
 * The default.
 * @public
 */
export function mqantRecord(): ConsulRecord {
  return { name: 'mqant', encode, decode };
}

function encode(node: ServiceNode, ttlMs: number): ConsulRegistration {
  const pairs = Object.entries(node.metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  const tags = pairs.map(([key, value]) => `t-${squeeze(JSON.stringify(Object.fromEntries([[key, value]])))}`);
  tags.push(`v-${squeeze(node.version)}`);
  return { ID: node.id, Name: node.type, Address: node.address, Tags: tags, Check: ttlCheck(ttlMs) };
}

/** The check of a node that says by itself that it is well. */
export function ttlCheck(ttlMs: number): ConsulCheck {
  // mqant: Consul refuses to forget a critical service sooner than after a minute.
  return { TTL: goDuration(ttlMs), DeregisterCriticalServiceAfter: goDuration(Math.max(ttlMs, MINUTE_MS) + 5000) };
}

/** Rows with a port and without mqant's tags are endpoints of others. */
function decode({ Node, Service = {} }: ConsulHealthEntry, type: string): ServiceNode | undefined {
  const { version, metadata, isHex } = decodeTags(Service.Tags ?? []);
  if (Service.Port && !isHex) return undefined;
  return freezeNode({ id: Service.ID ?? '', type, version, address: Service.Address || Node?.Address || '', metadata });
}

/**
 * Version and metadata from tags, with mqant's older plain form (`t={"k":"v"}`, `v=1.0.0`) beside the hex one. Tags of others (`test`, `t`, `e`, `v-zz`)
 * are skipped: in mqant they crash the process or hide all metadata (W-43). `isHex` when at least one tag is of the hex form, which only mqant writes.
 */
export function decodeTags(tags: readonly unknown[]): { version: string; metadata: Record<string, string>; isHex: boolean } {
  let isHex = false;
  const pairs = new Map<string, string>();
  let version: string | undefined;
  let legacyVersion: string | undefined;
  for (const tag of tags) {
    if (typeof tag !== 'string') continue;
    const body = tag.slice(2);
    const expanded = tag.startsWith('v-') || tag.startsWith('t-') ? expand(body) : undefined;
    isHex ||= expanded !== undefined;
    if (tag.startsWith('v-')) version ??= expanded;
    else if (tag.startsWith('v=')) legacyVersion ??= body;
    else if (tag.startsWith('t-')) readPairs(expanded, pairs);
    else if (tag.startsWith('t=')) readPairs(body, pairs);
  }
  return { version: version ?? legacyVersion ?? '', metadata: Object.fromEntries(pairs), isHex };
}

function readPairs(json: string | undefined, into: Map<string, string>): void {
  if (json === undefined) return;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  for (const [key, item] of Object.entries(value)) if (typeof item === 'string') into.set(key, item);
}

function squeeze(text: string): string {
  return deflateSync(text).toString('hex');
}

function expand(hex: string): string | undefined {
  if (hex.length === 0 || hex.length % 2 === 1 || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
  try {
    return inflateSync(Buffer.from(hex, 'hex'), { maxOutputLength: MAX_TAG_BYTES }).toString('utf8');
  } catch {
    return undefined;
  }
}
