import { posix } from 'node:path';
import ts from 'typescript';

/** One import, export-from, dynamic import or import type. */
export interface Import {
  readonly specifier: string;
  /** The file of lib/ it means; undefined for a package, or when there is no such file. */
  readonly target: string | undefined;
  /** Does nothing remain of it at run time? */
  readonly isType: boolean;
  readonly isDynamic: boolean;
  /** Imported names; empty for `*`, default, dynamic and bare imports. */
  readonly names: readonly string[];
  readonly line: number;
}

/** A file of lib/, its path relative to lib/. */
export interface SourceModule {
  readonly file: string;
  /** First folder; empty for files at the root of lib/. */
  readonly folder: string;
  readonly imports: readonly Import[];
  readonly tree: ts.SourceFile;
}

/** A barrel exists for consumers only: index.ts of any folder, and plugin.ts at the root. */
export function isBarrel(file: string): boolean {
  return posix.basename(file) === 'index.ts' || file === 'plugin.ts';
}

/** The package of a specifier (`@a/b/c` is `@a/b`); undefined for relative paths and node: modules. */
export function packageOf(specifier: string): string | undefined {
  if (/^(\.|\/|node:)/.test(specifier)) return undefined;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Parses sources. @param sources - text by path relative to lib/ */
export function parseModules(sources: ReadonlyMap<string, string>): SourceModule[] {
  return [...sources].map(([file, text]) => {
    const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
    const folder = file.includes('/') ? (file.split('/')[0] ?? '') : '';
    return { file, folder, tree, imports: importsOf(tree, file, (path) => sources.has(path)) };
  });
}

function importsOf(tree: ts.SourceFile, file: string, exists: (path: string) => boolean): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node, literal: ts.Node | undefined, rest: Pick<Import, 'isType' | 'isDynamic' | 'names'>) => {
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return;
    const specifier = literal.text;
    const path = specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts') : undefined;
    const target = path !== undefined && exists(path) ? path : undefined;
    found.push({ specifier, target, line: lineOf(node), ...rest });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause;
      const bindings = clause?.namedBindings;
      const named = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
      const values = named.filter((element) => !element.isTypeOnly);
      const isOnlyTypes = named.length > 0 && values.length === 0 && clause?.name === undefined;
      const isType = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword || isOnlyTypes;
      const names = values.map((element) => (element.propertyName ?? element.name).text);
      add(node, node.moduleSpecifier, { isType, isDynamic: false, names });
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, { isType: node.isTypeOnly, isDynamic: false, names: [] });
    } else if (ts.isImportTypeNode(node)) {
      const literal = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
      add(node, literal, { isType: true, isDynamic: false, names: [] });
    } else if (ts.isCallExpression(node) && isLoad(node.expression)) {
      add(node, node.arguments[0], { isType: false, isDynamic: true, names: [] });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** `import(...)` or `require(...)`. */
function isLoad(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

/** Line of a node, from 1. */
export function lineOf(node: ts.Node): number {
  const tree = node.getSourceFile();
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}
