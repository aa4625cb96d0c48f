/**
 * `npm run bench`: measures all cases and writes docs/benchmarks.md. `-- --help` lists the options.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot, startConsul, startNats } from '../services/index.js';
import { allCases, FULL, QUICK } from './cases.js';
import type { Finding } from './case.js';
import { environment } from './environment.js';
import { installPeers } from './install.js';
import { markdown, plain } from './report.js';

const HELP = `npm run bench -- [options]
  --quick          fewer and shorter rounds
  --case a,b       only cases whose names begin so, e.g. remote-20b-64 or local
  --rounds n       instead of ${FULL.rounds} (${QUICK.rounds} with --quick)
  --profile        CPU profiles of all workers into .build/bench (figures are then not to be trusted)
  --write          write docs/benchmarks.md although not all cases ran in full
  --list           names of all cases`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    case: { type: 'string' },
    rounds: { type: 'string' },
    profile: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const base = options.quick ? QUICK : FULL;
const effort = options.rounds === undefined ? base : { ...base, rounds: Number(options.rounds) };
if (!Number.isInteger(effort.rounds) || effort.rounds < 1) throw new Error(`--rounds must be a whole number of at least 1, got ${options.rounds}`);
const wanted = options.case?.split(',');
const every = allCases(effort);
const chosen = wanted === undefined ? every : every.filter(({ name }) => wanted.some((prefix) => name.startsWith(prefix)));
if (chosen.length === 0) throw new Error(`no case begins with ${options.case}; there are ${every.map(({ name }) => name).join(', ')}`);

if (options.help) console.log(HELP);
else if (options.list) console.log(chosen.map(({ name }) => name).join('\n'));
else await bench();

async function bench(): Promise<void> {
  installPeers();
  const nats = await startNats();
  const consul = await startConsul();
  try {
    const facts = environment(new Date());
    const findings: Finding[] = [];
    for (const { name, run } of chosen) {
      console.log(`\n${name}`);
      const site = { nats: nats.url, consul: `${consul.host}:${consul.port}` };
      const finding = await run({ site, natsPid: nats.pid, rounds: effort.rounds, profile: options.profile, log: (line) => console.log(line) });
      findings.push(finding);
      console.log(plain(finding));
    }
    const complete = chosen.length === every.length && !options.quick && !options.profile && effort.rounds >= FULL.rounds;
    if (!complete && !options.write) return console.log('\nnot a complete run: docs/benchmarks.md is left as it is');
    writeFileSync(join(projectRoot(), 'docs', 'benchmarks.md'), markdown({ environment: facts, ...effort }, findings));
    console.log('\ndocs/benchmarks.md is written');
  } finally {
    await nats.stop();
    await consul.stop();
  }
}
