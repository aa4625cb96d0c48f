import { layers, nestDecorators, nestPackages, vendorWord } from './layers.js';
import { type Import, type SourceModule, isBarrel, packageOf } from './module-graph.js';

/** A broken law. */
export interface Violation {
  readonly law: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** What package.json says of a package. */
export interface Manifest {
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly peers: readonly string[];
}

/** Imports go up the layer table, and mean files. */
export function layerLaw(modules: readonly SourceModule[], { name }: Manifest): Violation[] {
  return modules.flatMap(({ file, folder, imports }) => {
    if (isBarrel(file)) return [];
    const at = (line: number, law: string, message: string): Violation => ({ law, file, line, message });
    const layer = layers[folder];
    if (layer === undefined) return [at(1, 'layer', `folder "${folder}" is not in the layer table; move the file, or add a row to test/checks/layers.ts`)];
    return imports.flatMap(({ specifier, target, line }) => {
      if (packageOf(specifier) === name) return [at(line, 'barrel', `imports "${specifier}", the library itself; import the file`)];
      if (!specifier.startsWith('.')) return [];
      if (target === undefined) return specifier.endsWith('.json') ? [] : [at(line, 'file', `"${specifier}" is no file of lib/`)];
      if (isBarrel(target)) return [at(line, 'barrel', `imports the barrel ${target}; import the file`)];
      const [to = ''] = target.split('/');
      if (to === folder || layer.imports.includes(to)) return [];
      return [at(line, 'layer', `${folder} may not import ${to} (${target}); it may import ${layer.imports.join(', ') || 'nothing'}`)];
    });
  });
}

/** No cycles, type imports included. Reports each cycle once, at the file that comes first in the alphabet. */
export function cycleLaw(modules: readonly SourceModule[]): Violation[] {
  const edges = new Map(modules.map(({ file, imports }) => [file, imports.flatMap(({ target }) => target ?? [])]));
  const done = new Set<string>();
  const cycles = new Map<string, string[]>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const cycle = path.slice(start);
      cycles.set([...cycle].sort().join(), cycle);
    } else if (!done.has(file)) {
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    }
  };
  for (const file of edges.keys()) visit(file, []);
  return [...cycles.values()].map((cycle) => {
    const [first = ''] = [...cycle].sort();
    const turned = [...cycle.slice(cycle.indexOf(first)), ...cycle.slice(0, cycle.indexOf(first)), first];
    return { law: 'cycle', file: first, line: 1, message: turned.join(' -> ') };
  });
}

/** Nest stays in the folders that may know it; vendors in the files that bear their name; nothing undeclared is imported. */
export function packageLaw(modules: readonly SourceModule[], manifest: Manifest): Violation[] {
  const declared = new Set([...manifest.dependencies, ...manifest.peers, manifest.name]);
  return modules.flatMap(({ file, folder, imports }) =>
    imports.flatMap((entry): Violation[] => {
      const name = packageOf(entry.specifier);
      if (name === undefined) return [];
      const at = (law: string, message: string): Violation[] => [{ law, file, line: entry.line, message }];
      if (!declared.has(name)) return at('undeclared', `"${name}" is neither in dependencies nor in peerDependencies; users would not have it`);
      if (nestPackages.has(name) || name === 'reflect-metadata') return isBarrel(file) ? [] : nest(name, folder, entry, at);
      if (manifest.dependencies.includes(name) || name === manifest.name) return [];
      const word = vendorWord(name);
      if (file.toLowerCase().includes(word)) return [];
      return at('vendor', `"${name}" may be imported only by files or folders whose name contains "${word}"`);
    }),
  );
}

function nest(name: string, folder: string, { isType, names }: Import, at: (law: string, message: string) => Violation[]): Violation[] {
  const allowed = layers[folder]?.nest;
  if (allowed === 'yes') return [];
  if (allowed === 'decorators') {
    if (name === 'reflect-metadata') return [];
    if (name === '@nestjs/common' && (isType || (names.length > 0 && names.every((word) => nestDecorators.has(word))))) return [];
    return at('nest', `${folder} may take only decorators and types from Nest: ${[...nestDecorators].join(', ')}`);
  }
  return at('nest', `${folder} must run without Nest, but imports "${name}"`);
}

/** The main entry must load on a machine without optional peers: what it reaches by static imports imports none statically. */
export function lazyPeerLaw(modules: readonly SourceModule[], { peers }: Manifest): Violation[] {
  const byFile = new Map(modules.map((module) => [module.file, module]));
  const reached = new Set(['index.ts', 'plugin.ts'].filter((file) => byFile.has(file)));
  const found: Violation[] = [];
  for (const file of reached) {
    for (const { specifier, target, isType, isDynamic, line } of byFile.get(file)?.imports ?? []) {
      if (isType || isDynamic) continue;
      if (target !== undefined) reached.add(target);
      const name = packageOf(specifier);
      if (name === undefined || !peers.includes(name)) continue;
      found.push({ law: 'lazy', file, line, message: `the main entry loads this file, so "${name}" must be loaded through loadPeer or imported as type` });
    }
  }
  return found;
}
