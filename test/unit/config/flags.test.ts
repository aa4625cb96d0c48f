import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFlags } from '../../../lib/config/flags.js';
import { bootErrorOf } from './support.js';

describe('config/flags', () => {
  for (const argv of [['-pid', 'x'], ['-pid=x'], ['--pid', 'x'], ['--pid=x']]) {
    test(`reads Go's syntax: ${argv.join(' ')}`, () => {
      assert.deepEqual(parseFlags(argv), { values: { processId: 'x' }, warnings: [] });
    });
  }

  test('reads all five', () => {
    const { values } = parseFlags(['-wd', '/w', '-conf', 'c.json', '-pid', 'p', '-log', 'l', '-bi', 'b']);
    assert.deepEqual(values, { workDir: '/w', configFile: 'c.json', processId: 'p', logDir: 'l', biDir: 'b' });
  });

  test('the last one wins, and an empty one is not given', () => {
    assert.deepEqual(parseFlags(['-pid', 'a', '-pid', 'b']).values, { processId: 'b' });
    assert.deepEqual(parseFlags(['-pid', 'a', '-pid=']).values, {});
  });

  test('a value may hold "=" and begin with "-"', () => {
    assert.deepEqual(parseFlags(['-conf=a=b', '-pid', '-1']).values, { configFile: 'a=b', processId: '-1' });
  });

  test("leaves the flags of the user's program alone, their values too", () => {
    assert.deepEqual(parseFlags(['serve', '--port', '80', '-v', '--verbose=1', '-pid', 'x', '-', 'constructor']), { values: { processId: 'x' }, warnings: [] });
  });

  test('stops at --', () => {
    assert.deepEqual(parseFlags(['--', '-pid', 'x']).values, {});
  });

  for (const [slip, meant] of [['-pdi', '-pid'], ['--config', '-conf'], ['-PID', '-pid'], ['--logs', '-log']] as const) {
    test(`tells a slip of the pen: ${slip}`, () => {
      assert.deepEqual(parseFlags([slip, 'x']).warnings, [`unknown flag -${slip.replace(/^-+/, '')} (did you mean ${meant}?)`]);
    });
  }

  for (const argv of [['-pid'], ['-pid', '-conf', 'x'], ['-pid', '--', 'x']]) {
    test(`refuses a flag without value: ${argv.join(' ')}`, () => {
      const error = bootErrorOf(() => parseFlags(argv));
      assert.equal(error.reason, 'FLAG_VALUE');
      assert.match(error.message, /flag -pid has no value/);
    });
  }

  test('tells all of them at once', () => {
    assert.match(bootErrorOf(() => parseFlags(['-pid', '-wd', '-log'])).message, /-pid has no value[^]*-wd has no value[^]*-log has no value/);
  });
});
