import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Writes the command `.services/bin/<name>` that runs a program of an unpacked tree in place: with the libraries of that tree
 * before those of the system. It replaces itself by the program, so the pid is the program's, and finds the tree from its own
 * place, so the folder can be moved.
 *
 * @param services the folder with `bin/` and `trees/`
 * @param tree name of a folder in `trees/`
 * @param path of the program in the tree; `*` stands for any one folder
 * @param last arguments put after those of the caller; `$tree` is the tree
 */
export function writeCommand(services: string, name: string, tree: string, path: string, last: readonly string[] = []): void {
  const root = join(services, 'trees', tree);
  const libraries = ['usr/lib/*-linux-gnu', 'lib/*-linux-gnu'].map((pattern) => onlyMatch(root, pattern)).filter((found) => found !== undefined);
  const program = onlyMatch(root, path);
  if (program === undefined) throw new Error(`no ${path} in ${root}`);
  const searched = libraries.map((folder) => `$tree/${folder}`).join(':');
  const lines = [
    '#!/bin/sh',
    `tree=$(dirname "$(dirname "$(readlink -f "$0")")")/trees/${tree}`,
    ...(searched === '' ? [] : [`export LD_LIBRARY_PATH="${searched}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`]),
    `exec "$tree/${program}" "$@"${last.map((argument) => ` "${argument}"`).join('')}`,
  ];
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
