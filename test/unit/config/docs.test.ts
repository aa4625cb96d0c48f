import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readEnvironment } from '../../../lib/config/environment.source.js';
import { serverSpec } from '../../../lib/config/server-spec.js';
import { specPaths } from '../../../lib/config/spec.js';
import { repositoryFile } from './repository.js';
import { configOf, fromFile } from './support.js';

const DOCS = readFileSync(repositoryFile('docs/config.md'), 'utf8');

/** Lines of the first table below a heading, as trimmed cells without back-ticks. */
function tableBelow(heading: string): string[][] {
  const section = DOCS.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section, `docs/config.md has no section "${heading}"`);
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim().replaceAll('`', '')));
}

const show = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : value === undefined ? '' : String(value));

describe('docs/config.md', () => {
  test('lists every key of the description with its default, and no other', () => {
    const documented = Object.fromEntries(tableBelow('Keys').map(([key, value]) => [key, value]));
    const described = Object.fromEntries([...specPaths(serverSpec)].map(([path, spec]) => [path, show(spec.default)]));
    assert.deepEqual(documented, described);
    assert.ok(Object.keys(described).length > 50);
  });

  test('lists every reason that lib/config raises, and no other', () => {
    const folder = repositoryFile('lib/config');
    const sources = readdirSync(folder).filter((file) => file.endsWith('.ts')).map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
    const raised = new Set(sources.flatMap((source) => [...source.matchAll(/new BootError\(\s*'([A-Z_]+)'/g)].map((match) => match[1])));
    assert.deepEqual(tableBelow('Errors').map(([reason]) => reason).toSorted(), [...raised, 'BOOT_FAILED'].toSorted());
  });

  test('its variables are read without an error or a warning', () => {
    const rows = tableBelow('Environment').map(([assignment]) => assignment!);
    assert.ok(rows.length >= 8, `the table has ${rows.length} rows`);
    for (const row of rows) {
      const [name, value] = row.split('=');
      const { launch, layers } = readEnvironment({ [name!]: value });
      assert.equal(layers.length, 1, row);
      assert.deepEqual(launch, {});
      assert.deepEqual(fromFile('{}', undefined, layers).warnings, []);
    }
    const launchNames = tableBelow('Flags').map((row) => row[2]!);
    assert.deepEqual(Object.keys(readEnvironment(Object.fromEntries(launchNames.map((name) => [name, 'x']))).launch).toSorted(), tableBelow('Flags').map((row) => row[1]).toSorted());
  });

  test('its examples load without an error or a warning of config', () => {
    const examples = [...DOCS.matchAll(/^```jsonc\n([^]*?)^```/gm)].map((match) => match[1]!);
    assert.equal(examples.length, 4);
    for (const example of examples) {
      for (const processId of ['development', 'front', 'back']) {
        assert.deepEqual(fromFile(example, processId).warnings.filter((warning) => !warning.startsWith('no entry of Module has ProcessID')), []);
      }
    }
    assert.deepEqual(configOf(examples.find((example) => example.includes('"gate001"'))!, 'back').groups!.running, ['login', 'room']);
    assert.deepEqual(configOf(examples[0]).transport, { name: 'nats', options: { servers: ['nats://127.0.0.1:4222'] } });
  });
});
