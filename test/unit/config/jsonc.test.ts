import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BootError } from '../../../lib/common/boot-error.js';
import { parseJsonc } from '../../../lib/config/jsonc.js';
import { bootErrorOf, randomOf } from './support.js';
import { TUTORIAL } from './tutorial.js';

const parse = (text: string): unknown => parseJsonc(text, '/c.json').value;
const refusal = (text: string): string => {
  const error = bootErrorOf(() => parse(text));
  assert.equal(error.reason, 'CONFIG_SYNTAX');
  return error.message;
};

describe('config/jsonc', () => {
  test('reads comments of both kinds, on whole lines and behind values, trailing commas and a byte-order mark', () => {
    const text = '\uFEFF// first\n{ /* a\n b */ "a": 1, // one\n  "b": [1, 2,], "url": "http://x//y", "c": "/* no comment */",\n}\n// last';
    assert.deepEqual(parse(text), { a: 1, b: [1, 2], url: 'http://x//y', c: '/* no comment */' });
  });

  test('W-30: lines longer than 4096 bytes are read whole, where mqant cuts the file off', () => {
    const long = '密'.repeat(5000);
    assert.deepEqual(parse(`{ "long": "${long}", /* ${long} */ "after": 1 } // ${long}`), { long, after: 1 });
  });

  for (const [name, text, place, expected] of [
    ['a missing comma', '{\n  "a": 1\n  "b": 2\n}', '3:3', 'expected ","'],
    ['a missing colon', '{ "a" 1 }', '1:7', 'expected ":"'],
    ['a missing value', '{ "a": }', '1:8', 'expected a value'],
    ['a key without quotes', '{\n\ta: 1 }', '2:2', 'double quotes'],
    ['a missing bracket', '{ "a": [1, 2', '1:13', 'expected "," or "]"'],
    ['an open string', '{ "a": "x\n}', '1:8', 'no closing quote'],
    ['an open comment', '{ "a": 1 } /* x', '1:12', 'no "*/"'],
    ['text after the end', '{}\n{}', '2:1', 'expected the end of the file'],
    ['a Windows path', '{ "a": "C:\\dir" }', '1:8', 'unknown escape'],
    ['an empty file', '', '1:1', 'expected a value'],
    ['only a comment', '// nothing', '1:11', 'expected a value'],
  ] as const) {
    test(`says file, line, column and what was expected: ${name}`, () => {
      const message = refusal(text);
      assert.ok(message.startsWith(`/c.json:${place}: `), message);
      assert.ok(message.includes(expected), message);
    });
  }

  test('never shows the text of a broken file: it may hold secrets', () => {
    assert.doesNotMatch(refusal('{ "password": "hunter2 }\n'), /hunter2/);
  });

  test('keeps __proto__ and constructor as own keys, and nobody is polluted', () => {
    const value = parse('{ "__proto__": { "polluted": 1 }, "constructor": { "prototype": { "polluted": 1 } } }') as object;
    assert.deepEqual(Object.keys(value), ['__proto__', 'constructor']);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  test('tells keys that stand twice, and finds keys in any case', () => {
    const document = parseJsonc('{ "a": { "b": 1,\n "b": 2 } }', '/c.json');
    assert.deepEqual(document.duplicates, [['a', 'b']]);
    assert.equal(document.locate(['A', 'b']), '2:2');
    assert.equal(document.locate(['a', 'nothing']), '1:3');
  });

  test('refuses nesting that would break the stack', () => {
    assert.match(refusal('['.repeat(100_000)), /nested deeper than 100 levels/);
    assert.match(refusal(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`), /nested deeper than 100 levels/);
  });

  test('whatever the text, it throws nothing but BootError', () => {
    const random = randomOf(1);
    const alphabet = ['{', '}', '[', ']', ',', ':', '"', '\\', '/', '*', '//', '/*', '*/', '\n', ' ', '1', '-', '.', 'e', 'true', 'null', 'x', '\u0000', '\uD800', '密', '__proto__', '\uFEFF'];
    let parsed = 0;
    for (let run = 0; run < 3000; run++) {
      const text = run % 2 === 0 ? garbage(alphabet, random) : mutate(TUTORIAL, alphabet, random);
      try {
        parse(text);
        parsed++;
      } catch (error) {
        assert.ok(error instanceof BootError, `${JSON.stringify(text)}: ${String(error)}`);
        assert.match(error.message, /^\/c\.json/);
      }
    }
    assert.ok(parsed > 10, `only ${parsed} texts parsed: the generator is too wild to prove anything`);
  });
});

function garbage(alphabet: readonly string[], random: () => number): string {
  return Array.from({ length: Math.floor(random() * 20) }, () => alphabet[Math.floor(random() * alphabet.length)]!).join('');
}

function mutate(text: string, alphabet: readonly string[], random: () => number): string {
  const at = Math.floor(random() * text.length);
  return text.slice(0, at) + (random() < 0.5 ? alphabet[Math.floor(random() * alphabet.length)]! : '') + text.slice(at + Math.floor(random() * 3));
}
