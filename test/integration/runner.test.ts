import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runFile } from '../run/run-file.js';
import { compiledFile } from '../run/test-files.js';

const environment = { ...process.env };
delete environment['NODE_TEST_CONTEXT'];

async function run(fixture: string, timeoutMs = 60_000) {
  const name = `test/run/fixture/${fixture}.test.ts`;
  const file = { name, compiled: compiledFile(name), timeoutMs, alone: false };
  const { tally } = await runFile(file, new AbortController().signal, environment);
  return { passed: tally.passed, failed: tally.failed.map(({ name: test, reason }) => `${test}: ${reason}`), skipped: tally.skipped };
}

describe('the test runner', () => {
  it('counts leaf tests, and suites only where they fail or are skipped as a whole', async () => {
    const { passed, failed, skipped } = await run('mixed');
    assert.equal(passed, 3);
    const names = failed.map((line) => line.split(':')[0]);
    assert.deepEqual(names, ['holds two > second fails', 'a broken hook > is cancelled', 'a broken hook', 'an empty suite']);
    assert.match(failed[0] ?? '', /1 !== 2/);
    assert.match(failed[2] ?? '', /the hook is broken/);
    assert.deepEqual(skipped.map(({ name, reason }) => [name, reason]), [
      ['a suite > is skipped', 'needs a moon'],
      ['a suite > is to do', 'todo, no reason given'],
      ['a skipped suite', 'needs nats-server: run npm run test:services'],
    ]);
  });

  it('fails a file that does not load', async () => {
    const { failed } = await run('unloadable');
    assert.equal(failed.length, 1, failed.join('\n'));
  });

  it('kills a file that hangs, and names the test', async () => {
    const { failed } = await run('hanging', 3_000);
    assert.equal(failed.length, 1);
    assert.match(failed[0] ?? '', /was killed after 3 s while running waits for ever/);
  });

  it('kills a file that does not end', async () => {
    const { passed, failed } = await run('waiting', 3_000);
    assert.equal(passed, 1);
    assert.deepEqual(failed, ['the file as a whole: was killed after 3 s']);
  });

  it('fails a file that exits before its tests have ended', async () => {
    const { failed } = await run('exiting');
    assert.notEqual(failed.length, 0);
  });

  it('fails a file without tests, and one that is not compiled', async () => {
    assert.deepEqual((await run('empty')).failed, ['the file as a whole: has no tests']);
    assert.deepEqual((await run('absent')).failed, ['the file as a whole: is not compiled: run npm run build']);
  });
});
