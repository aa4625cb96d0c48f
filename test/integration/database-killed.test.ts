import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import initSqlJs from 'sql.js';
import { Child } from './child.js';

const ROUNDS = 3;

/** The owners in the file, which is whole. */
async function ownersIn(file: string): Promise<Set<string>> {
  const { Database } = await initSqlJs();
  const database = new Database(readFileSync(file));
  try {
    assert.deepEqual(database.exec('PRAGMA integrity_check')[0]!.values, [['ok']]);
    return new Set((database.exec('SELECT owner FROM account')[0]?.values ?? []).map(([owner]) => owner as string));
  } finally {
    database.close();
  }
}

interface Killed {
  readonly acknowledged: readonly { readonly row: number; readonly at: number }[];
  /** Longest time in which the process came to nothing. */
  readonly lagMs: number;
  readonly at: number;
}

/** A process that writes, killed in the middle of it as soon as it has printed `until`. */
async function writeAndKill(t: TestContext, workDir: string, durability: string, first: number, until: RegExp): Promise<Killed> {
  const child = new Child(t, './fixture/embedded-writer.js', { args: [workDir, durability, `${first}`] });
  await child.until(until);
  const at = Date.now();
  child.kill('SIGKILL');
  await child.exit;
  const notes = child.notes().map((note) => note.split(' '));
  const beats = notes.filter(([kind]) => kind === 'beat').map(([, ms]) => Number(ms));
  const lagMs = Math.max(0, ...beats.slice(1).map((beat, i) => beat - beats[i]!), at - (beats.at(-1) ?? at));
  return { acknowledged: notes.filter(([kind, row, ms]) => kind === 'ack' && row !== undefined && ms !== undefined).map(([, row, ms]) => ({ row: Number(row), at: Number(ms) })), lagMs, at };
}

describe('an embedded database whose process is killed', () => {
  const rounds = async (t: TestContext, durability: 'commit' | 'relaxed', isPromised: (row: { at: number }, killed: Killed) => boolean): Promise<void> => {
    const workDir = mkdtempSync(join(tmpdir(), 'anthill-killed-'));
    t.after(() => rmSync(workDir, { recursive: true, force: true }));
    const file = join(workDir, 'bank.sqlite');
    const promised: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const killed = await writeAndKill(t, workDir, durability, round * 100_000, durability === 'commit' ? new RegExp(`> ack .* of ${10 + round * 7}\n`) : new RegExp(`> beat .* of ${25 + round * 5}\n`));
      promised.push(...killed.acknowledged.filter((row) => isPromised(row, killed)).map(({ row }) => row));
      assert.ok(existsSync(file));
      const owners = await ownersIn(file);
      const lost = promised.filter((row) => !owners.has(`row ${row}`));
      assert.deepEqual(lost, [], `round ${round}`);
      const torn = [...owners].filter((owner) => /^row \d*$/.test(owner) && Number(owner.slice(4)) % 3 === 0 && !owners.has(owner.replace('row', 'twin')));
      assert.deepEqual(torn, [], 'transactions are there as a whole');
    }
    assert.ok(promised.length >= ROUNDS * 3, `${promised.length} rows were promised`);
  };

  it('loses nothing that was acknowledged, with durability: commit', (t) => rounds(t, 'commit', () => true));

  it('loses at most what was acknowledged in the last 500 ms, with durability: relaxed', (t) => {
    // While the machine gives the process no time, it cannot keep a promise of milliseconds.
    return rounds(t, 'relaxed', ({ at }, killed) => at < killed.at - 500 - killed.lagMs);
  });
});
