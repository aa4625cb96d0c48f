import { ByteReader } from '../rpc/byte-reader.js';
import { type RpcError } from '../common/rpc-error.js';
import { eachField, messageBytes, putBytes, putMessage, putText, restBytes, restText, VARINT } from './proto-fields.js';
import { readValue, writeValue } from './proto-value.js';

/*
 * `grpc-status-details-bin`: a google.rpc.Status (google/rpc/status.proto) whose details are a google.rpc.ErrorInfo
 * (google/rpc/error_details.proto) and, where the error has details, a google.protobuf.Value. Go reads it by `status.FromError(err)`.
 */

const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
const VALUE = 'type.googleapis.com/google.protobuf.Value';
const DOMAIN = 'anthill';

/** Servers and proxies drop replies whose trailers take more than 8 KiB; in base64 this is less. */
const MAX_BYTES = 5 * 1024;

/** What a peer's status says beyond code and message. */
export interface RichStatus {
  readonly message: string;
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** The `Value`; without one, the messages that are there, undecoded. */
  readonly details?: unknown;
}

/** A detail whose message we do not know. */
export interface UnknownDetail {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** Undefined: code and message say it all. What does not fit into trailers is left out, details first. */
export function richStatusOf(error: RpcError, code: number, message: string): Buffer | undefined {
  const { reason, metadata, details } = error;
  const pairs = Object.entries(metadata);
  if (reason === error.code && pairs.length === 0 && details === undefined) return undefined;
  const info = (entries: readonly [string, string][]): Buffer => messageBytes((writer) => {
    putText(writer, 1, reason);
    putText(writer, 2, DOMAIN);
    for (const [key, value] of entries) putMessage(writer, 3, (entry) => (putText(entry, 1, key), putText(entry, 2, String(value))));
  });
  const candidates = [() => status(code, message, info(pairs), valueBytes(details)), () => status(code, message, info(pairs)), () => status(code, message, info([]))];
  for (const candidate of candidates) {
    const bytes = candidate();
    if (bytes.length <= MAX_BYTES) return bytes;
  }
  return undefined;
}

function status(code: number, message: string, info: Buffer, details?: Buffer): Buffer {
  return messageBytes((writer) => {
    writer.varint(8 + VARINT);
    writer.varint(code);
    putText(writer, 2, message);
    putAny(writer, ERROR_INFO, info);
    if (details) putAny(writer, VALUE, details);
  });
}

function putAny(writer: Parameters<typeof putText>[0], typeUrl: string, value: Buffer): void {
  putMessage(writer, 3, (any) => {
    putText(any, 1, typeUrl);
    putBytes(any, 2, value);
  });
}

function valueBytes(details: unknown): Buffer | undefined {
  if (details === undefined) return undefined;
  try {
    return messageBytes((writer) => writeValue(writer, details));
  } catch {
    // What cannot be carried is left out, as on other wires: the rest says enough.
    return undefined;
  }
}

/** Undefined for bytes that are no google.rpc.Status: strangers write them. */
export function readRichStatus(bytes: Uint8Array): RichStatus | undefined {
  try {
    let message = '';
    let info: Pick<RichStatus, 'reason' | 'metadata'> = {};
    let value: { readonly of: unknown } | undefined;
    const unknown: UnknownDetail[] = [];
    eachField(new ByteReader(bytes), (field, _type, part) => {
      if (field === 2) message = restText(part);
      if (field !== 3) return;
      const detail = readAny(part);
      if (detail.typeUrl === ERROR_INFO) info = readErrorInfo(detail.value);
      else if (detail.typeUrl === VALUE) value = { of: readValue(new ByteReader(detail.value)) };
      else unknown.push(detail);
    });
    const details = value ? value.of : unknown.length > 0 ? unknown : undefined;
    return { message, ...info, ...(details !== undefined && { details }) };
  } catch {
    return undefined;
  }
}

function readAny(part: ByteReader): UnknownDetail {
  let typeUrl = '';
  let value: Uint8Array = new Uint8Array();
  eachField(part, (field, _type, inner) => {
    if (field === 1) typeUrl = restText(inner);
    else if (field === 2) value = restBytes(inner);
  });
  return { typeUrl, value };
}

function readErrorInfo(bytes: Uint8Array): Pick<RichStatus, 'reason' | 'metadata'> {
  let reason = '';
  const metadata = Object.create(null) as Record<string, string>;
  eachField(new ByteReader(bytes), (field, _type, part) => {
    if (field === 1) reason = restText(part);
    if (field !== 3) return;
    let key = '';
    let value = '';
    eachField(part, (half, _halfType, text) => {
      if (half === 1) key = restText(text);
      else if (half === 2) value = restText(text);
    });
    metadata[key] = value;
  });
  return { ...(reason !== '' && { reason }), metadata };
}
