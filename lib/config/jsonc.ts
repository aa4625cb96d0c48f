import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { BootError } from '../common/boot-error.js';
import type { KeyPath } from './config-layer.js';
import { MAX_DEPTH, setOwn } from './plain.js';

/** A parsed JSON text that still knows where everything stands. */
export interface JsonDocument {
  readonly value: unknown;
  /** Keys that stand twice in one object; the last one counts. */
  readonly duplicates: readonly KeyPath[];
  /** `line:column`, from 1, of a path or of its nearest container that exists. */
  locate(path: KeyPath): string;
}

/**
 * Parses JSON with comments, trailing commas and a byte-order mark.
 * @throws BootError CONFIG_SYNTAX with file, line, column and what was expected. The text itself is never shown: it may hold secrets.
 */
export function parseJsonc(text: string, file: string): JsonDocument {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(body, errors, { allowTrailingComma: true });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw tooDeep(file);
  }
  const [first] = errors;
  if (first) throw new BootError('CONFIG_SYNTAX', `${file}:${lineColumn(body, first.offset)}: ${SYNTAX[printParseErrorCode(first.error)] ?? 'this is no JSON here'}`);
  if (!root) throw new BootError('CONFIG_SYNTAX', `${file}:1:1: expected a value`);
  const found = root;
  const duplicates: KeyPath[] = [];
  return { value: toValue(found, [], duplicates, file), duplicates, locate: (path) => lineColumn(body, nearestNode(found, path).offset) };
}

const SYNTAX: Partial<Record<string, string>> = {
  InvalidSymbol: 'unknown word: expected a string in double quotes, a number, true, false, null, an object or a list',
  InvalidNumberFormat: 'this is no number',
  PropertyNameExpected: 'expected a key in double quotes or "}"',
  ValueExpected: 'expected a value (a string in double quotes, a number, true, false, null, an object or a list)',
  ColonExpected: 'expected ":" after the key',
  CommaExpected: 'expected "," or the closing bracket: a comma or a quote may be missing just before',
  CloseBraceExpected: 'expected "," or "}"',
  CloseBracketExpected: 'expected "," or "]"',
  EndOfFileExpected: 'expected the end of the file: there is text after the closing bracket',
  UnexpectedEndOfComment: 'a comment that begins with "/*" has no "*/"',
  UnexpectedEndOfString: 'a string has no closing quote on its line',
  UnexpectedEndOfNumber: 'this number is not complete',
  InvalidUnicode: 'expected four hex digits after "\\u"',
  InvalidEscapeCharacter: 'unknown escape: expected one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u (a Windows path wants "\\\\" or "/")',
  InvalidCharacter: 'a control character inside a string: write it as an escape, such as "\\t"',
};

function toValue(node: Node, path: KeyPath, duplicates: KeyPath[], file: string): unknown {
  if (path.length > MAX_DEPTH) throw tooDeep(file);
  if (node.type === 'array') return (node.children ?? []).map((child, i) => toValue(child, [...path, i], duplicates, file));
  if (node.type !== 'object') return node.value as unknown;
  const object: Record<string, unknown> = {};
  for (const property of node.children ?? []) {
    const [keyNode, valueNode] = property.children ?? [];
    if (!keyNode || !valueNode) continue;
    const key = String(keyNode.value);
    const at = [...path, key];
    if (Object.hasOwn(object, key)) duplicates.push(at);
    setOwn(object, key, toValue(valueNode, at, duplicates, file));
  }
  return object;
}

/** Where a key stands, in any case, or its nearest container that exists. Of a key that stands twice the last one, which is the one that counts. */
function nearestNode(root: Node, path: KeyPath): Node {
  let node = root;
  let at = root;
  for (const segment of path) {
    if (typeof segment === 'number') {
      const item = findNodeAtLocation(node, [segment]);
      if (!item) return at;
      node = at = item;
      continue;
    }
    const property = keyNode(node, (key) => key === segment) ?? keyNode(node, (key) => key.toLowerCase() === segment.toLowerCase());
    const value = property?.children?.[1];
    if (!property || !value) return at;
    at = property;
    node = value;
  }
  return at;
}

function keyNode(node: Node, matches: (key: string) => boolean): Node | undefined {
  return node.type === 'object' ? node.children?.findLast((child) => matches(String(child.children?.[0]?.value))) : undefined;
}

function lineColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `${before.length}:${before.at(-1)!.length + 1}`;
}

function tooDeep(file: string): BootError {
  return new BootError('CONFIG_SYNTAX', `${file}: nested deeper than ${MAX_DEPTH} levels`);
}
