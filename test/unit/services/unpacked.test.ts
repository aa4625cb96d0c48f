import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { findBeside } from '../../services/find-server.js';
import { writeCommand } from '../../services/unpacked.js';

describe('a program of an unpacked package', () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'anthill-unpacked-')));
  after(() => rmSync(root, { recursive: true, force: true }));

  /** A folder as fetch leaves it, with a program that says how it was called. */
  function unpack(name: string): string {
    const services = join(root, name);
    const program = join(services, 'trees/tool/usr/lib/tool/15/bin/tool');
    for (const folder of [dirname(program), join(services, 'trees/tool/usr/lib/x86_64-linux-gnu')]) mkdirSync(folder, { recursive: true });
    writeFileSync(program, '#!/bin/sh\necho "$LD_LIBRARY_PATH|$*|$$"\n', { mode: 0o755 });
    writeCommand({ services, name: 'tool', tree: 'tool', path: 'usr/lib/tool/*/bin/tool', last: ['--basedir=$tree/usr'] });
    return services;
  }

  it('runs with its own libraries first, and knows where it is, also after a move', () => {
    const moved = join(root, 'moved');
    renameSync(unpack('first'), moved);
    const env = { ...process.env, LD_LIBRARY_PATH: '/theirs' };
    const [libraries, args] = execFileSync(join(moved, 'bin/tool'), ['a', 'b c'], { encoding: 'utf8', env }).split('|');
    assert.equal(libraries, `${moved}/trees/tool/usr/lib/x86_64-linux-gnu:/theirs`);
    assert.equal(args, `a b c --basedir=${moved}/trees/tool/usr`);
  });

  it('is no command when the package has no such program', () => {
    const services = unpack('second');
    const plan = { services, name: 'other', tree: 'tool', path: 'usr/bin/other' };
    assert.throws(() => writeCommand(plan), /no usr\/bin\/other in .*trees\/tool/);
  });

  it('finds what comes with a server beside it, and says where it looked', () => {
    const binary = join(unpack('third'), 'bin/tool');
    assert.equal(findBeside(binary, 'tool'), binary);
    assert.throws(() => findBeside(binary, 'initdb'), /no initdb beside .*bin\/tool: looked in .*third\/bin/);
  });
});
