import { readFileSync, statSync } from 'node:fs';
import { BootError } from '../common/boot-error.js';
import { type ConfigLayer, formatPath } from './config-layer.js';
import { parseJsonc } from './jsonc.js';

/** A file that is read again while the process serves must not hold it up. */
const MAX_FILE_BYTES = 16 << 20;

/**
 * Reads a server.json, mqant's or ours. Undefined when it does not exist.
 * @throws BootError CONFIG_UNREADABLE or CONFIG_SYNTAX, naming the absolute path.
 */
export function readConfigFile(path: string): { layer: ConfigLayer; warnings: string[] } | undefined {
  let bytes: Buffer;
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES) throw new BootError('CONFIG_UNREADABLE', `the config file ${path} has ${size} bytes; the most is ${MAX_FILE_BYTES}. Is it the right file?`);
    bytes = readFileSync(path);
  } catch (cause) {
    if (cause instanceof BootError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new BootError('CONFIG_UNREADABLE', `cannot read the config file ${path}: ${READ_ERRORS[code ?? ''] ?? String(code)}`, { cause });
  }
  const { text, warnings } = decode(bytes, path);
  return { layer: fileLayer(text, path), warnings };
}

/** A layer from the text of a server.json; its messages carry line and column. @throws BootError CONFIG_SYNTAX. */
export function fileLayer(text: string, path: string): ConfigLayer {
  const { value, duplicates, locate } = parseJsonc(text, path);
  return {
    name: path,
    tree: value,
    duplicates,
    at: (keys) => (keys.length === 0 ? path : `${path}:${locate(keys)}: ${formatPath(keys)}`),
  };
}

const READ_ERRORS: Partial<Record<string, string>> = {
  EACCES: 'permission denied (check its owner and mode)',
  EPERM: 'permission denied (check its owner and mode)',
  EISDIR: 'it is a directory; -conf wants the file in it',
};

function decode(bytes: Buffer, path: string): { text: string; warnings: string[] } {
  const bom = bytes.length >= 2 ? bytes.readUInt16BE(0) : 0;
  if (bom === 0xfffe || bom === 0xfeff) throw new BootError('CONFIG_UNREADABLE', `the config file ${path} is UTF-16: save it as UTF-8`);
  const text = bytes.toString('utf8');
  // Comments in GBK do no harm, and mqant reads such files too.
  const warnings = isValidUtf8(bytes) ? [] : [`${path} is not valid UTF-8: save it as UTF-8, or strings in it may be damaged`];
  return { text, warnings };
}

function isValidUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
