import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'jsonc-parser';
import { checkLayer } from '../../../lib/config/check-layer.js';
import { Findings } from '../../../lib/config/findings.js';
import { serverJsonSchema } from '../../../lib/config/json-schema.js';
import { serverSpec } from '../../../lib/config/server-spec.js';
import { type Spec, specPaths } from '../../../lib/config/spec.js';
import { repositoryFile } from './repository.js';
import { TUTORIAL } from './tutorial.js';

const accepts = new Ajv2020({ strict: true, strictTypes: false, allErrors: false }).compile(serverJsonSchema());

/** What the running app says; rules between keys (unique ids, interval below ttl) are beyond a schema and not asked here. */
function isAccepted(tree: unknown): boolean {
  const findings = new Findings();
  checkLayer({ name: 'file', tree }, findings);
  return findings.errors.length === 0;
}

function agree(tree: unknown): boolean {
  const ours = isAccepted(tree);
  assert.equal(accepts(tree), ours, `${JSON.stringify(tree)}: schema and validation differ (validation ${ours ? 'accepts' : 'refuses'})`);
  return ours;
}

const VALUES = [null, true, false, 0, 1, -1, 1.5, 3_000_000_000, '', 'x', 'a b', 'info', [], ['a'], [''], [1], [{}], [null], [{ name: 'x' }], ['a', { name: 'x' }], ['a', {}], {}, { name: 'x' }, { name: '' }, { name: 1 }, { k: 'v' }, { k: 1 }, { k: {} }, { k: [{}] }, { k: null }];

/** A file in which the key at this path has that value. */
function fileWith(path: string, value: unknown, spell: (key: string) => string): unknown {
  return path.split('.').toReversed().reduce((inner, segment) => {
    const isList = segment.endsWith('[]');
    const key = isList ? segment.slice(0, -2) : segment;
    const name = key.startsWith('<') ? 'some-type' : spell(key);
    return { [name]: isList ? [inner] : inner };
  }, value);
}

describe('config: server.schema.json', () => {
  test('is what the description says', () => {
    const file = JSON.parse(readFileSync(repositoryFile('lib/config/server.schema.json'), 'utf8')) as unknown;
    assert.deepEqual(file, serverJsonSchema(), 'write it anew: see docs/config.md, "Editors"');
  });

  test("accepts the tutorial's file", () => {
    assert.ok(agree(parse(TUTORIAL)));
  });

  for (const tree of [[], 'x', null, 5]) {
    test(`accepts no file that is ${JSON.stringify(tree)}`, () => {
      assert.equal(accepts(tree), false);
    });
  }

  const spellings: [string, (key: string) => string][] = [['as documented', (key) => key], ['in lower case', (key) => key.toLowerCase()], ['in upper case', (key) => key.toUpperCase()]];
  for (const [name, spell] of spellings) {
    test(`agrees with the validation on every key, right and wrong values, ${name}`, () => {
      let right = 0;
      let wrong = 0;
      for (const [path] of specPaths(serverSpec)) {
        for (const value of VALUES) {
          if (agree(fileWith(path, value, spell))) right++;
          else wrong++;
        }
      }
      assert.ok(right > 200 && wrong > 200, `${right} right, ${wrong} wrong: too few to prove anything`);
    });
  }

  test('says what each key does', () => {
    const without = [...specPaths(serverSpec)].filter(([, spec]: readonly [string, Spec]) => spec.doc.length < 5);
    assert.deepEqual(without, []);
  });
});
