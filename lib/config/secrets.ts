import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { BootError } from '../common/boot-error.js';
import { formatPath, type KeyPath } from './config-layer.js';
import { maskTree } from './mask.js';
import { isPlain, type Plain, setOwn } from './plain.js';
import { parseSecretRef } from './secret-ref.js';

/** Secret files are passwords and keys, not data. */
const MAX_SECRET_BYTES = 1 << 20;

/** Reads what `$env:NAME` and `$file:path` stand for, when a consumer asks: the snapshot itself only has the references. */
export class Secrets {
  constructor(
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly workDir: string,
  ) {}

  /**
   * The value with all references in it replaced; itself when there are none. A tree comes back as a copy that hides its secrets when it is printed.
   * @param path where the value stands, for messages
   * @param found filled with the secrets
   * @throws BootError CONFIG_SECRET naming the key
   */
  reveal<T>(value: T, path: KeyPath, found: Set<string> = new Set()): T {
    const before = found.size;
    const copy = this.copy(value, path, found);
    return copy === value || found.size === before || typeof copy !== 'object' ? (copy as T) : maskTree(copy as T, found);
  }

  private copy(value: unknown, path: KeyPath, found: Set<string>): unknown {
    if (Array.isArray(value)) {
      const list = value.map((inner: unknown, i) => this.copy(inner, [...path, i], found));
      return list.every((inner, i) => inner === value[i]) ? value : list;
    }
    if (isPlain(value)) {
      const copy: Plain = {};
      let changed = false;
      for (const [key, inner] of Object.entries(value)) {
        const revealed = this.copy(inner, [...path, key], found);
        changed ||= revealed !== inner;
        setOwn(copy, key, revealed);
      }
      return changed ? copy : value;
    }
    const secret = this.read(value, path);
    if (secret === undefined) return value;
    found.add(secret);
    return secret;
  }

  private read(value: unknown, path: KeyPath): string | undefined {
    const ref = parseSecretRef(value);
    if (ref === undefined) return undefined;
    const { from, name } = ref;
    if (from === 'env') {
      const text = this.env[name];
      if (text === undefined || text === '') throw missing(path, `$env:${name}`, `the environment variable ${name} is not set`);
      return text;
    }
    const file = resolve(this.workDir, name);
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (cause) {
      throw missing(path, `$file:${name}`, `${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`);
    }
    if (bytes.length > MAX_SECRET_BYTES) throw missing(path, `$file:${name}`, `${file} has ${bytes.length} bytes, which is no secret`);
    // Editors and `kubectl create secret` end a file with a line break.
    return bytes.toString('utf8').replace(/\r?\n$/, '');
  }
}

function missing(path: KeyPath, ref: string, why: string): BootError {
  return new BootError('CONFIG_SECRET', `${formatPath(path)} is ${ref}, but ${why}`);
}
