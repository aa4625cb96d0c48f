import ts from 'typescript';
import type { Violation } from './import-laws.js';
import { type SourceModule, lineOf } from './module-graph.js';

/** Only these may end the process or listen to its signals, and only when the user's main asked for it. */
const processFolders: ReadonlySet<string> = new Set(['bootstrap', 'cli']);
const listeners: ReadonlySet<string> = new Set(['on', 'once', 'addListener', 'prependListener', 'prependOnceListener']);

/** No process.exit, process.abort, and no signal handler outside bootstrap and cli. */
export function processLaw(modules: readonly SourceModule[]): Violation[] {
  return modules
    .filter(({ folder }) => !processFolders.has(folder))
    .flatMap(({ file, tree }) =>
      nodesOf(tree).flatMap((node): Violation[] => {
        if (!ts.isPropertyAccessExpression(node) || node.expression.getText(tree) !== 'process') return [];
        const method = node.name.text;
        const call = ts.isCallExpression(node.parent) ? node.parent : undefined;
        const event = call?.arguments[0];
        const isSignal = listeners.has(method) && !(event !== undefined && ts.isStringLiteralLike(event) && !event.text.startsWith('SIG'));
        if (method !== 'exit' && method !== 'abort' && !isSignal) return [];
        return [{ law: 'process', file, line: lineOf(node), message: `process.${method}: the process belongs to the user's main; only bootstrap and cli may` }];
      }),
    );
}

/** No state outside instances, and no top-level await, which would break require() of the library. */
export function stateLaw(modules: readonly SourceModule[]): Violation[] {
  return modules.flatMap(({ file, tree }) => {
    const at = (node: ts.Node, message: string): Violation => ({ law: 'state', file, line: lineOf(node), message });
    const variables = tree.statements.filter(ts.isVariableStatement).flatMap((statement) => {
      const { declarations, flags } = statement.declarationList;
      if ((flags & ts.NodeFlags.Const) === 0) return [at(statement, 'let and var at module level are state shared by all apps of a process')];
      return declarations.filter(isFillable).map((node) => at(node, `${node.name.getText(tree)} is an empty collection at module level; keep it in an instance, or type it readonly`));
    });
    const statics = nodesOf(tree).filter(isStaticProperty).flatMap((node) => {
      const isReadonly = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword) === true;
      return isReadonly && !isFillable(node) ? [] : [at(node, `static ${node.name.getText(tree)} is state shared by all apps of a process`)];
    });
    const awaits = tree.statements.flatMap((statement) => nodesOf(statement, ts.isFunctionLike)).filter(ts.isAwaitExpression);
    return [...variables, ...statics, ...awaits.map((node) => at(node, 'await at top level breaks require() of the library'))];
  });
}

function isStaticProperty(node: ts.Node): node is ts.PropertyDeclaration {
  return ts.isPropertyDeclaration(node) && node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword) === true;
}

/** An empty Map, Set, array or object that is not typed readonly can only be meant to be filled. */
function isFillable({ type, initializer }: ts.VariableDeclaration | ts.PropertyDeclaration): boolean {
  if (initializer === undefined || /^readonly /i.test(type?.getText() ?? '') || /^Readonly/.test(type?.getText() ?? '')) return false;
  if (ts.isArrayLiteralExpression(initializer)) return initializer.elements.length === 0;
  if (ts.isObjectLiteralExpression(initializer)) return initializer.properties.length === 0;
  if (!ts.isNewExpression(initializer) || (initializer.arguments?.length ?? 0) > 0) return false;
  return ['Map', 'Set', 'WeakMap', 'WeakSet'].includes(initializer.expression.getText());
}

/** A node and all below it, except below those that `isWall` stops. */
function nodesOf(top: ts.Node, isWall: (node: ts.Node) => boolean = () => false): ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    found.push(node);
    if (!isWall(node)) ts.forEachChild(node, visit);
  };
  visit(top);
  return found;
}
