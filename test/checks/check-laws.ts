import { type Manifest, type Violation, cycleLaw, layerLaw, lazyPeerLaw, packageLaw } from './import-laws.js';
import { parseModules } from './module-graph.js';
import { processLaw, stateLaw } from './state-laws.js';

/**
 * Checks sources against the laws of DESIGN section 3.
 *
 * @param sources - text of each file by its path relative to lib/, with slashes
 * @returns all violations, by file and line
 */
export function checkLaws(sources: ReadonlyMap<string, string>, manifest: Manifest): Violation[] {
  const modules = parseModules(sources);
  const found = [layerLaw, cycleLaw, packageLaw, lazyPeerLaw, processLaw, stateLaw].flatMap((law) => law(modules, manifest));
  return found.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}
