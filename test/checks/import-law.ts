/** `npm run lint`: fails when lib/ breaks a law of DESIGN section 3. */
import { readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { projectRoot } from '../services/project-root.js';
import { checkLaws } from './check-laws.js';

const root = projectRoot();
const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const sources = new Map(files.map((file) => [file.split(sep).join('/'), readFileSync(join(root, 'lib', file), 'utf8')]));
const { name, dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
};
const peers = Object.keys(peerDependencies);
// npm installs the other peers by itself: to users they are dependencies.
const optional = peers.filter((peer) => peerDependenciesMeta[peer]?.optional);
const manifest = { name, dependencies: [...Object.keys(dependencies), ...peers.filter((peer) => !optional.includes(peer))], peers: optional };

const violations = checkLaws(sources, manifest);
for (const { law, file, line, message } of violations) console.log(`lib/${file}:${line}: ${law}: ${message}`);
console.log(`import law: ${sources.size} files of lib/, ${violations.length} violations`);
if (violations.length > 0) process.exitCode = 1;
