import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { compiledFile } from '../run/test-files.js';
import { projectRoot } from '../services/index.js';

const REPORT = join(projectRoot(), 'test/docs/api-report.txt');
/** Set it to write the report anew. */
const UPDATE = 'ANTHILL_UPDATE_API';

const manifest = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string }>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
};

const output = compiledFile('');

/** Entries of the package, and what the compiler has written for them. */
const entries = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  typeof target === 'string' ? [] : [{ name: join('anthill', subpath), file: join(output, relative('dist', target.types)) }],
);

const program = ts.createProgram(entries.map(({ file }) => file), { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, skipLibCheck: true, types: ['node'], noEmit: true });
const checker = program.getTypeChecker();

interface Export {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly symbol: ts.Symbol;
}

function exportsOf(file: string): Export[] {
  const source = program.getSourceFile(file);
  assert.ok(source, `${file} is not built`);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source)!).map((alias): Export => {
    const symbol = alias.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(alias) : alias;
    const kinds = [...new Set((symbol.declarations ?? []).map((declaration) => kindOf(declaration)))].sort();
    return { name: alias.name, kinds, symbol };
  });
  return exported.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function kindOf(declaration: ts.Declaration): string {
  switch (declaration.kind) {
    case ts.SyntaxKind.ClassDeclaration:
      return 'class';
    case ts.SyntaxKind.InterfaceDeclaration:
      return 'interface';
    case ts.SyntaxKind.TypeAliasDeclaration:
      return 'type';
    case ts.SyntaxKind.FunctionDeclaration:
      return 'function';
    default:
      return 'const';
  }
}

describe('public names', () => {
  it('are those of the report', () => {
    const report = entries.map(({ name, file }) => `${name}\n${exportsOf(file).map((found) => `  ${found.name}: ${found.kinds.join(', ')}\n`).join('')}`).join('\n');
    if (process.env[UPDATE]) writeFileSync(REPORT, report);
    assert.equal(report, readFileSync(REPORT, 'utf8'), `the public API has changed. If that is meant, run the test with ${UPDATE}=1, commit ${relative(projectRoot(), REPORT)} and tell users in CHANGELOG.md`);
  });

  it('are each documented where they are declared', () => {
    const bare = entries.flatMap(({ name, file }) =>
      exportsOf(file).flatMap(({ name: exported, symbol }) => {
        const isDocumented = symbol.getDocumentationComment(checker).length > 0 || symbol.getJsDocTags(checker).some((tag) => ['public', 'plugin'].includes(tag.name));
        return isDocumented ? [] : [`${name}: ${exported}`];
      }),
    );
    assert.deepEqual(bare, []);
  });
});

/** Files that a user's compiler reads for an entry. */
function reachable(file: string, seen = new Set<string>()): Set<string> {
  const source = program.getSourceFile(file);
  if (source === undefined || seen.has(source.fileName)) return seen;
  seen.add(source.fileName);
  for (const target of importsOf(source).flatMap(({ resolved }) => resolved ?? [])) if (target.startsWith(join(output, 'lib'))) reachable(target, seen);
  return seen;
}

function importsOf(source: ts.SourceFile): { specifier: string; resolved: string | undefined }[] {
  const named = ts.preProcessFile(source.text, true, true);
  const specifiers = [...named.importedFiles, ...named.typeReferenceDirectives].map(({ fileName }) => fileName);
  return specifiers.map((specifier) => ({
    specifier,
    resolved: ts.resolveModuleName(specifier, source.fileName, program.getCompilerOptions(), ts.sys, undefined, undefined, ts.ModuleKind.ESNext).resolvedModule?.resolvedFileName,
  }));
}

describe('optional packages', () => {
  const optional = Object.keys(manifest.peerDependencies).filter((name) => manifest.peerDependenciesMeta[name]?.optional === true);
  const needed = (file: string): string[] => {
    const specifiers = [...reachable(file)].flatMap((path) => importsOf(program.getSourceFile(path)!).map(({ specifier }) => specifier));
    return optional.filter((name) => specifiers.some((specifier) => specifier === name || specifier.startsWith(`${name}/`)));
  };

  it('are not needed to compile against entries that work without them', () => {
    assert.ok(optional.length >= 4);
    for (const { name, file } of entries.filter((entry) => ['anthill', 'anthill/plugin', 'anthill/testing'].includes(entry.name))) {
      assert.ok(reachable(file).size > 5, name);
      assert.deepEqual(needed(file), [], name);
    }
  });

  it('are found by this test where they are needed', () => {
    assert.deepEqual(needed(entries.find(({ name }) => name === 'anthill/nats')!.file), ['@nats-io/transport-node']);
  });
});
