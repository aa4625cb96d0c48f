import type { Metadata } from '@grpc/grpc-js';
import type { HeldLane } from '../common/call-context.js';
import { rpcError } from '../common/error-catalog.js';
import type { GrpcLibrary } from './load-grpc.js';

/** Keys with a meaning of their own; they never show up in `ctx.metadata`. */
export const GRPC_KEYS = {
  /** Who calls: a node id, or a name. */
  caller: 'anthill-caller',
  /** `1`: passed on from outside by a gateway. */
  external: 'anthill-external',
  /** Lanes that the calls up the chain hold: JSON, `[[node, lane, path], ...]`. */
  chain: 'anthill-chain',
  /** JSON object, UTF-8: pairs that gRPC has no room for, because a value is not printable ASCII or a key has other characters than `a-z 0-9 - _ .` */
  text: 'anthill-text-bin',
  /** On replies, `1`: the request provably reached no handler. */
  undelivered: 'anthill-undelivered',
  /** google.rpc.Status, see rich-status. */
  status: 'grpc-status-details-bin',
} as const;

/** The status is the library's by its name. */
const OURS: ReadonlySet<string> = new Set(Object.values(GRPC_KEYS));
const LEGAL_KEY = /^[0-9a-z_.-]+$/;
/** What HTTP/2 peers may trim or fold is no text of the user: no blank at the ends. */
const LEGAL_VALUE = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;
/** HTTP/2 has these for itself: Node refuses some of them, gRPC overwrites the others, and a call with one would wait for its deadline. */
const OF_HTTP: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings', 'content-length', 'content-type', 'te', 'date'],
  ...['accept-encoding', 'user-agent'],
]);
/** Peers give headers 64 KiB, and drop without a word what is larger: this leaves room for an error beside it. */
const MAX_BYTES = 48 * 1024;
/** As HTTP/2 counts. */
const PAIR_OVERHEAD = 32;
const MAX_CHAIN = 64;
const NO_LANES: readonly HeldLane[] = Object.freeze([]);
/** All of our own keys begin with it, and few others do. */
const LETTER_A = 0x61;

/**
 * Metadata as handlers see it: strings, keys in lower case, values of a repeated key joined by `, `, binary values (`-bin`) in base64. What is
 * ours or the library's is left out; what cannot be read is, too.
 */
export function readMetadata(metadata: Metadata): Record<string, string> {
  return readCall(metadata).pairs;
}

/** What a call says of itself besides its metadata. */
export interface CallOrigin {
  readonly caller: string | undefined;
  readonly external: boolean;
  readonly chain: readonly HeldLane[];
}

/** Metadata and origin in one pass: it is made for each call. Never throws: strangers write them. */
export function readCall(metadata: Metadata): CallOrigin & { readonly pairs: Record<string, string> } {
  const pairs = Object.create(null) as Record<string, string>;
  let caller: string | undefined;
  let external = false;
  let chain = NO_LANES;
  let text: string | Buffer | undefined;
  const given = metadata.toJSON() as Record<string, (string | Buffer)[]>;
  for (const key of Object.keys(given)) {
    const values = given[key]!;
    const first = values[0];
    if (key.charCodeAt(0) === LETTER_A && OURS.has(key)) {
      if (key === GRPC_KEYS.text) text = first;
      else if (first === undefined || typeof first !== 'string') continue;
      else if (key === GRPC_KEYS.caller && first !== '') caller = unescapeAscii(first);
      else if (key === GRPC_KEYS.external) external = first === '1';
      else if (key === GRPC_KEYS.chain) chain = readChain(first);
    } else if (!key.startsWith('grpc-')) {
      pairs[key] = values.length === 1 && typeof first === 'string' ? first : values.map((value) => (typeof value === 'string' ? value : value.toString('base64'))).join(', ');
    }
  }
  if (Buffer.isBuffer(text)) for (const [key, value] of Object.entries(readObject(text.toString()))) if (typeof value === 'string') pairs[key] = value;
  return { pairs, caller, external, chain };
}

/**
 * Adds pairs to metadata that leaves. Keys go in lower case, as gRPC wants it; `-bin` values are base64; reserved keys are skipped.
 * @param before bytes of what was added earlier
 * @returns bytes, all together
 * @throws RpcError PAYLOAD_TOO_LARGE
 */
export function writeMetadata(target: Metadata, pairs: Readonly<Record<string, string>>, before = 0): number {
  let text: Record<string, string> | undefined;
  let bytes = before;
  for (const [given, value] of Object.entries(pairs)) {
    const key = given.toLowerCase();
    if (key.startsWith('grpc-') || OURS.has(key)) continue;
    const isBytes = key.endsWith('-bin');
    if (!LEGAL_KEY.test(key) || OF_HTTP.has(key) || (!isBytes && !LEGAL_VALUE.test(value))) {
      (text ??= Object.create(null) as Record<string, string>)[given] = value;
      continue;
    }
    target.set(key, isBytes ? Buffer.from(value, 'base64') : value);
    bytes += key.length + value.length + PAIR_OVERHEAD;
  }
  const rest = text && Buffer.from(JSON.stringify(text));
  if (rest) bytes += Math.ceil(rest.length / 3) * 4;
  if (bytes > MAX_BYTES) throw rpcError('PAYLOAD_TOO_LARGE', `metadata of ${bytes} bytes cannot be sent: ${MAX_BYTES} is the most; put them into the message`);
  if (rest) target.set(GRPC_KEYS.text, rest);
  return bytes;
}

/** The metadata of a call that leaves this process. */
export function outgoingMetadata(grpc: GrpcLibrary, pairs: Readonly<Record<string, string>> | undefined, origin: CallOrigin): Metadata {
  const metadata = new grpc.Metadata();
  if (pairs) writeMetadata(metadata, pairs);
  if (origin.caller !== undefined) metadata.set(GRPC_KEYS.caller, escapeAscii(origin.caller));
  if (origin.external) metadata.set(GRPC_KEYS.external, '1');
  if (origin.chain.length > 0 && origin.chain.length <= MAX_CHAIN) {
    metadata.set(GRPC_KEYS.chain, escapeAscii(JSON.stringify(origin.chain.map(({ node, lane, path }) => [node, lane, path]))));
  }
  return metadata;
}

/** As JSON does it: what is not printable ASCII as \uXXXX. Inside of JSON it stays JSON. */
export function escapeAscii(value: string): string {
  return value.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function unescapeAscii(value: string): string {
  if (!value.includes('\\')) return value;
  return value.replace(/\\u([0-9a-f]{4})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function readChain(json: string): readonly HeldLane[] {
  try {
    const list = JSON.parse(json) as unknown;
    if (!Array.isArray(list) || list.length > MAX_CHAIN) return [];
    return list.flatMap((item: unknown): HeldLane[] => {
      if (!Array.isArray(item) || item.length !== 3 || !item.every((part) => typeof part === 'string')) return [];
      const [node, lane, path] = item as [string, string, string];
      return [{ node, lane, path }];
    });
  } catch {
    return [];
  }
}

function readObject(json: string): object {
  try {
    const value = JSON.parse(json) as unknown;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
