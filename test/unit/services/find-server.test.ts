import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { findServer, missing } from '../../services/find-server.js';

describe('looking for a server', () => {
  const before = process.env['ANTHILL_CONSUL'];
  afterEach(() => {
    if (before === undefined) delete process.env['ANTHILL_CONSUL'];
    else process.env['ANTHILL_CONSUL'] = before;
  });

  it('prefers what the environment names', () => {
    process.env['ANTHILL_CONSUL'] = process.execPath;
    assert.equal(findServer('consul'), process.execPath);
    assert.deepEqual(missing(['consul']), []);
  });

  it('takes a wrong path in the environment for a mistake, not for an absence', () => {
    process.env['ANTHILL_CONSUL'] = '/no/such/consul';
    assert.throws(() => findServer('consul'), /ANTHILL_CONSUL=\/no\/such\/consul: not an executable file/);
  });
});
