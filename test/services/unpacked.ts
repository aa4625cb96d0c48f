import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A program of an unpacked tree that is to be a command in `.services/bin`. */
export interface UnpackedProgram {
  /** The folder with `bin/` and `trees/`. */
  readonly services: string;
  /** Of the command. */
  readonly name: string;
  /** Name of the folder in `trees/`. */
  readonly tree: string;
  /** Of the program in the tree; `*` stands for the rest of one folder's name. */
  readonly path: string;
  /** Folders with libraries besides the usual ones, written as `path` is. */
  readonly libraries?: readonly string[] | undefined;
  /** Arguments put after those of the caller; `$tree` is the tree. */
  readonly last?: readonly string[] | undefined;
}

/**
 * Writes the command `.services/bin/<name>` that runs a program of an unpacked tree in place: with the libraries of that tree
 * before those of the system. It replaces itself by the program, so the pid is the program's, and finds the tree from its own
 * place, so the folder can be moved.
 */
export function writeCommand({ services, name, tree, path, libraries = [], last = [] }: UnpackedProgram): void {
  const root = join(services, 'trees', tree);
  const folders = ['usr/lib/*-linux-gnu', 'lib/*-linux-gnu', ...libraries].map((pattern) => onlyMatch(root, pattern));
  const program = onlyMatch(root, path);
  if (program === undefined) throw new Error(`no ${path} in ${root}`);
  const searched = folders.filter((folder) => folder !== undefined).map((folder) => `$tree/${folder}`).join(':');
  writeScript(services, name, tree, [
    ...(searched === '' ? [] : [`export LD_LIBRARY_PATH="${searched}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`]),
    `exec "$tree/${program}" "$@"${last.map((argument) => ` "${argument}"`).join('')}`,
  ]);
}

/** Writes the command `.services/bin/<name>`, whole or not at all. Its lines have `$tree`, the folder in `trees/`. */
export function writeScript(services: string, name: string, tree: string, body: readonly string[]): void {
  const lines = ['#!/bin/sh', `tree=$(dirname "$(dirname "$(readlink -f "$0")")")/trees/${tree}`, ...body];
  const command = join(services, 'bin', name);
  mkdirSync(dirname(command), { recursive: true });
  writeFileSync(`${command}.${process.pid}`, `${lines.join('\n')}\n`, { mode: 0o755 });
  renameSync(`${command}.${process.pid}`, command);
}

/** Resolves `*` in a path of folders below root; undefined when there is no such file. */
function onlyMatch(root: string, pattern: string): string | undefined {
  let found = '';
  for (const part of pattern.split('/')) {
    const [before = '', after = ''] = part.split('*');
    const names = part.includes('*') && existsSync(join(root, found)) ? readdirSync(join(root, found)) : [part];
    const name = part.includes('*') ? names.find((one) => one.startsWith(before) && one.endsWith(after)) : part;
    if (name === undefined) return undefined;
    found = join(found, name);
  }
  return existsSync(join(root, found)) ? found : undefined;
}
