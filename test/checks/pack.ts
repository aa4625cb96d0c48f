/**
 * `npm run pack:check`: packs the library and uses the tarball as a stranger would, from public exports only, with no optional peer
 * installed. One project is TypeScript and ESM, one is JavaScript and CommonJS; both boot a module, call it, stop, and must end by
 * themselves.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../services/project-root.js';
import { exportMistakes } from './export-mistakes.js';

const run = promisify(execFile);
const root = projectRoot();

const typescriptModule = `import { Handler, RpcFactory, RpcModule } from 'anthill';

@RpcModule({ type: 'helloworld', version: '1.0.0' })
class HelloWorld {
  @Handler('/say/hi')
  sayHi(name: string): string {
    return \`hi \${name}\`;
  }
}

const app = await RpcFactory.create({ modules: [HelloWorld] });
await app.start();
console.log(await app.rpc.call('helloworld', '/say/hi', ['pack']));
await app.stop();
`;

const commonJsScript = `const { Handler, RpcFactory, RpcModule } = require('anthill');

class HelloWorld {
  sayHi(name) {
    return \`hi \${name}\`;
  }
}
// What a compiler makes of the decorators.
Handler('/say/hi')(HelloWorld.prototype, 'sayHi', Object.getOwnPropertyDescriptor(HelloWorld.prototype, 'sayHi'));
RpcModule({ type: 'helloworld', version: '1.0.0' })(HelloWorld);

async function main() {
  const app = await RpcFactory.create({ modules: [HelloWorld] });
  await app.start();
  console.log(await app.rpc.call('helloworld', '/say/hi', ['pack']));
  await app.stop();
}
main().catch((error) => { console.error(error); process.exitCode = 1; });
`;

const tsconfig = {
  compilerOptions: { target: 'es2023', module: 'nodenext', strict: true, experimentalDecorators: true, emitDecoratorMetadata: true, skipLibCheck: true, types: [] },
  files: ['main.ts'],
};

async function main(folder: string): Promise<void> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root, maxBuffer: 16 * 1024 * 1024 });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  if (packed === undefined) throw new Error(`npm pack told of no tarball: ${stdout}`);
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: unknown };
  const mistakes = exportMistakes(manifest.exports, new Set(packed.files.map(({ path }) => path)));
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  console.log(`packed ${packed.files.length} files, exports lead to files`);

  const tarball = join(folder, packed.filename);
  const esm = await install(folder, 'esm', { type: 'module' }, tarball);
  writeFileSync(join(esm, 'main.ts'), typescriptModule);
  writeFileSync(join(esm, 'tsconfig.json'), JSON.stringify(tsconfig));
  await run(process.execPath, [join(root, 'node_modules/typescript7/bin/tsc'), '-p', '.'], { cwd: esm });
  await say(esm, 'main.js');

  const commonJs = await install(folder, 'commonjs', {}, tarball);
  writeFileSync(join(commonJs, 'main.js'), commonJsScript);
  await say(commonJs, 'main.js');
}

/** Makes an empty project and installs the tarball in it, as a user does. */
async function install(folder: string, name: string, manifest: object, tarball: string): Promise<string> {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: `pack-check-${name}`, private: true, ...manifest }));
  const options = ['--prefix', project, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel', 'error'];
  await run('npm', ['install', ...options, tarball], { cwd: project, timeout: 300_000 });
  return project;
}

/** Runs the project's script; it must greet and then end by itself. */
async function say(project: string, script: string): Promise<void> {
  const { stdout } = await run(process.execPath, [script], { cwd: project, timeout: 60_000 });
  if (!stdout.split('\n').includes('hi pack')) throw new Error(`${project} did not print "hi pack" but:\n${stdout}`);
  console.log(`${project.split('/').at(-1)}: hi pack`);
}

const folder = mkdtempSync(join(tmpdir(), 'anthill-pack-'));
try {
  await main(folder);
} catch (error) {
  const parts = error instanceof Error ? [error.message, 'stdout' in error ? error.stdout : '', 'stderr' in error ? error.stderr : ''] : [error];
  console.log(`pack check failed: ${parts.map(String).filter((part) => part !== '').join('\n')}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
