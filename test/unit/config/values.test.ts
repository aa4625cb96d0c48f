import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as v from 'valibot';
import { z } from 'zod';
import { silentLogger } from '../../../lib/common/logger.js';
import type { StandardSchema } from '../../../lib/common/standard-schema.js';
import { checkValue, schemaOf, type CheckContext, type CheckedValue } from '../../../lib/config/check-value.js';
import type { ConfigLayer } from '../../../lib/config/config-layer.js';
import { ConfigValue } from '../../../lib/config/config-value.js';
import { fileLayer } from '../../../lib/config/file.source.js';
import { freezeDeep } from '../../../lib/config/freeze.js';
import { Secrets } from '../../../lib/config/secrets.js';

const context = (layers: ConfigLayer[] = [], env: Record<string, string> = {}): CheckContext => ({ secrets: new Secrets(env, '/'), layers });
const check = (settings: unknown, path: string[], schema?: StandardSchema, where = context()) => checkValue(settings, path, schema, where) as CheckedValue;
const messageOf = (fn: () => unknown): string => {
  try {
    fn();
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail('nothing was thrown');
};

describe('config: values', () => {
  test('issues name the strongest place that has the key, or its parent', () => {
    const file = fileLayer('{ "Settings": { "a": { "n": "x" } } }', '/f.json');
    const env: ConfigLayer = { name: 'env', tree: { Settings: { A: { M_AX: 'y' } } }, texts: true, at: () => 'environment variable X' };
    const schema = z.object({ n: z.number(), mAx: z.number(), gone: z.string() });
    const message = messageOf(() => check({ a: { n: 'x', mAx: 'y' } }, ['a'], schema, context([file, env])));
    assert.match(message, /^3 mistakes below Settings\.a:\n- \/f\.json:1:24: Settings\.a\.n: /);
    assert.match(message, /\n- environment variable X: /);
    assert.match(message, /environment variable X has no gone: /);
    assert.equal(messageOf(() => check({}, ['b'], v.number())), 'Settings.b (no source has it): Invalid type: Expected number but received undefined');
  });

  test('what is secret stands in no message', () => {
    const env = { PIN: 'canary' };
    assert.ok(!messageOf(() => check({ pin: '$env:PIN' }, ['pin'], v.picklist(['a']), context([], env))).includes('canary'));
    assert.ok(!messageOf(() => check({ db: { password: 'canary' } }, ['db'], v.object({ password: v.number() }))).includes('canary'));
    assert.ok(!messageOf(() => check({ pin: '$env:PIN' }, ['pin'], throwing('canary'), context([], env))).includes('canary'));
  });

  test('a schema that throws, or is none, is said to', async () => {
    assert.equal(messageOf(() => check({}, ['a'], throwing('broken'))), 'the schema of Settings.a threw: broken');
    await assert.rejects(schemaOf({ type: 'object' } as never, "config 'a'"), { reason: 'CONFIG_SCHEMA', message: /^config 'a': the schema is \[object Object\]/ });
  });

  test('own keys only, and what comes out is frozen', () => {
    assert.equal(check({ a: {} }, ['a', 'constructor']).value, undefined);
    const { value } = check({ a: { list: [{ b: 1 }] } }, ['a'], z.object({ list: z.array(z.object({ b: z.number() })) }));
    assert.ok(Object.isFrozen((value as { list: object[] }).list[0]));
    const odd = freezeDeep({ date: new Date(), map: new Map(), bytes: new Uint8Array(1), own: new (class Own { a = {}; })() });
    assert.ok(Object.isFrozen(odd.own.a) && !Object.isFrozen(odd.date));
  });

  test('schemas that take their time', async () => {
    const slow = z.string().refine(async (text) => text !== 'bad', 'not that');
    assert.equal((await (checkValue({ a: 'x' }, ['a'], slow, context([])) as unknown as Promise<CheckedValue>)).value, 'x');
  });
});

describe('ConfigValue', () => {
  const value = (current: unknown, secrets: string[] = []) => new ConfigValue('a.b', { value: current, secrets: new Set(secrets) });
  const set = (target: ConfigValue, next: unknown): void => target.replace({ value: next, secrets: new Set() })?.(silentLogger);

  test('tells who listens, in order, until they stop', () => {
    const live = value(1);
    const heard: unknown[] = [];
    const end = live.onChange((now, before) => heard.push(['first', now, before]));
    live.onChange((now) => heard.push(['second', now]));
    set(live, 2);
    end();
    end();
    set(live, 2);
    set(live, 3);
    assert.deepEqual(heard, [['first', 2, 1], ['second', 2], ['second', 3]]);
  });

  test('a listener that comes or goes while others are told', () => {
    const live = value(0);
    const heard: string[] = [];
    live.onChange(() => {
      heard.push('a');
      live.onChange(() => heard.push('late'));
    });
    set(live, 1);
    assert.deepEqual(heard, ['a']);
  });
});

function throwing(text: string): StandardSchema {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate() {
        throw new Error(text);
      },
    },
  };
}
