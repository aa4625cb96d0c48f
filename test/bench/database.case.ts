import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Need, missing, type RunningDatabase, startMariadb, startPostgres } from '../services/index.js';
import { atMost, type Bar, type Case } from './case.js';
import type { DatabaseRound } from './database.bench.js';
import { median, ratio } from './statistics.js';

const SCRIPT = fileURLToPath(new URL('./database.bench.js', import.meta.url));
const WORKS = { query: '`db.query`, a row by its key', findOneBy: '`repository.findOneBy`', transaction: '`@Transactional`, one update, against `db.transaction`' };

const servers: readonly { readonly type: string; readonly title: string; readonly need: Need; readonly start: () => Promise<RunningDatabase> }[] = [
  { type: 'mariadb', title: 'MariaDB', need: 'mariadbd', start: startMariadb },
  { type: 'postgres', title: 'PostgreSQL', need: 'postgres', start: startPostgres },
];

/** What `@InjectDb`, `@InjectRepository` and `@Transactional` add to bare TypeORM, on real servers. */
export function databaseCase(rounds: number): Case {
  return {
    name: 'database',
    async run({ log }) {
      const rows: string[][] = [];
      const bars: Bar[] = [];
      for (const { type, title, need, start } of servers) {
        const absent = missing([need]);
        if (absent.length > 0) {
          log(`  ${title}: ${absent.join('; ')}`);
          continue;
        }
        const server = await start();
        try {
          const found = await measured(type, `${type}://${server.user}:${server.password}@127.0.0.1:${server.port}/${server.database}`, rounds);
          for (const [work, what] of Object.entries(WORKS)) {
            const own = found.filter((round) => round.work === work);
            const [ours, bare] = [own.map((round) => round.ours), own.map((round) => round.bare)];
            rows.push([`${title}: ${what}`, median(bare).toFixed(0), median(ours).toFixed(0), `${ratio(ours, bare).toFixed(3)}x`]);
            bars.push(atMost(`database access, ${title}, ${what}`, 1.05, 'bare TypeORM', ratio(ours, bare)));
          }
        } finally {
          await server.stop();
        }
      }
      return { title: 'databases', table: { head: ['', 'bare TypeORM, µs', 'ours, µs', 'ours / bare'], rows }, bars, note: 'One after the other in one process, in turns of 50 operations; the same pool size, and a deadline on each statement of ours.' };
    },
  };
}

async function measured(type: string, url: string, rounds: number): Promise<DatabaseRound[]> {
  const child = fork(SCRIPT, [type, url, `${rounds}`]);
  const ended = once(child, 'exit').then(() => undefined);
  const message = (await Promise.race([once(child, 'message'), ended])) as [DatabaseRound[]] | undefined;
  if (message === undefined) throw new Error(`the benchmark of ${type} ended without a result`);
  await ended;
  return message[0];
}
