/**
 * Imports every unit test into this one process. A file that does not load becomes a failing test, so that it neither hides the
 * others nor passes. `ANTHILL_TEST_FILTER` (words separated by commas) narrows the files to those whose path has one of the words.
 */
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { compiledFile, listTests } from '../run/test-files.js';
import { filterOf } from '../run/test-filter.js';

for (const source of listTests('unit').filter(filterOf(process.env['ANTHILL_TEST_FILTER'] ?? ''))) {
  try {
    await import(pathToFileURL(compiledFile(source)).href);
  } catch (error) {
    test(`load ${source}`, () => {
      throw error;
    });
  }
}
