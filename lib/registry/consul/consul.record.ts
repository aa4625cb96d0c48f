import { deflateSync, inflateSync } from 'node:zlib';
import type { ServiceNode } from '../../common/service-node.js';
import type { ConsulHealthEntry, ConsulRegistration } from '../../backend/consul/consul.rows.js';
import { freezeNode } from '../snapshot.js';

/*
 * mqant's Consul record (registry/encoding.go): one tag `t-HEX` per metadata pair, then one `v-HEX`, HEX being lower-case hex of zlib data. Go and
 * Node compress to different bytes of the same meaning, so compare decoded values, never tags.
 */

/** A tag never inflates to more than this: a stranger's tag must not fill our memory. */
const MAX_TAG_BYTES = 64 * 1024;
const MINUTE_MS = 60_000;

export function encodeRecord(node: ServiceNode, ttlMs: number): ConsulRegistration {
  const pairs = Object.entries(node.metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  const tags = pairs.map(([key, value]) => `t-${squeeze(JSON.stringify(Object.fromEntries([[key, value]])))}`);
  tags.push(`v-${squeeze(node.version)}`);
  // mqant: Consul refuses to forget a critical service sooner than after a minute.
  const forgetMs = Math.max(ttlMs, MINUTE_MS) + 5000;
  return {
    id: node.id,
    name: node.type,
    address: node.address,
    tags,
    check: { ttl: goDuration(ttlMs), deregistercriticalserviceafter: goDuration(forgetMs) },
  };
}

/** Id that Consul gives to the one check of a service. */
export function checkId(nodeId: string): string {
  return `service:${nodeId}`;
}

/** The healthy nodes of an answer. Rows with a critical check (of the service or its host) are left out; `warning` counts as healthy. */
export function decodeEntries(service: string, entries: readonly ConsulHealthEntry[]): ServiceNode[] {
  return entries.flatMap((entry) => {
    const id = entry.Service?.ID;
    if (typeof id !== 'string' || id === '') return [];
    // Consul looks names up without regard to case; mqant's callers do not.
    if (entry.Service?.Service !== undefined && entry.Service.Service !== service) return [];
    if ((entry.Checks ?? []).some((check) => check.Status === 'critical')) return [];
    const { version, metadata } = decodeTags(entry.Service?.Tags ?? []);
    const address = entry.Service?.Address || entry.Node?.Address || '';
    return [freezeNode({ id, type: service, version, address, metadata })];
  });
}

/**
 * Version and metadata from tags, with mqant's older plain form (`t={"k":"v"}`, `v=1.0.0`) beside the hex one. Tags of others (`test`, `t`, `e`, `v-zz`)
 * are skipped: in mqant they crash the process or hide all metadata (W-43).
 */
export function decodeTags(tags: readonly unknown[]): { version: string; metadata: Record<string, string> } {
  const pairs = new Map<string, string>();
  let version: string | undefined;
  let legacyVersion: string | undefined;
  for (const tag of tags) {
    if (typeof tag !== 'string') continue;
    const body = tag.slice(2);
    if (tag.startsWith('v-')) version ??= expand(body);
    else if (tag.startsWith('v=')) legacyVersion ??= body;
    else if (tag.startsWith('t-')) readPairs(expand(body), pairs);
    else if (tag.startsWith('t=')) readPairs(body, pairs);
  }
  return { version: version ?? legacyVersion ?? '', metadata: Object.fromEntries(pairs) };
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

/** Go's text for a duration: `20s`, `1m5s`, `1h0m5s`, `1.5s`, `500ms`. mqant writes it so. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / MINUTE_MS) % 60;
  const seconds = Math.round(ms % MINUTE_MS) / 1000;
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
