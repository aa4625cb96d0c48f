import { fork } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { atMost, type Case } from './case.js';
import { median, ratio } from './statistics.js';

const OURS = 'anthill';
const NEST = 'nest';
const scripts = [
  { script: OURS, title: 'Anthill, sample 01-hello to ready' },
  { script: NEST, title: 'Nest application context, same classes and imports' },
  { script: 'node', title: 'node, empty script' },
];

/** Wall time from the start of a process until it says that it is ready; fresh processes in turn. */
export function startUpCase(rounds: number): Case {
  return {
    name: 'start-up',
    async run() {
      const times = new Map<string, number[]>(scripts.map(({ script }) => [script, []]));
      // The first round fills the page cache and does not count.
      for (let round = -1; round < rounds; round++) {
        for (const { script } of round % 2 === 0 ? scripts : [...scripts].reverse()) {
          const ms = await startOnce(script);
          if (round >= 0) times.get(script)!.push(ms);
        }
      }
      const ours = times.get(OURS)!;
      return {
        title: 'start-up',
        table: {
          head: ['', 'ms to ready', 'ours / this'],
          rows: scripts.map(({ script, title }) => {
            const theirs = times.get(script)!;
            return [title, median(theirs).toFixed(0), script === OURS ? '' : `${ratio(ours, theirs).toFixed(2)}x`];
          }),
        },
        bars: [atMost('start-up of 01-hello to ready', 1.3, 'a bare Nest application context', ratio(ours, times.get(NEST)!))],
        note: `Medians of ${rounds} starts each, in turn.`,
      };
    },
  };
}

async function startOnce(script: string): Promise<number> {
  const from = performance.now();
  const child = fork(fileURLToPath(new URL(`./startup/${script}.js`, import.meta.url)), { silent: true });
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => (errors += text.toString()));
  child.stdout?.resume();
  const ready = await Promise.race([once(child, 'message').then(() => true), once(child, 'exit').then(() => false)]);
  const ms = performance.now() - from;
  if (!ready) throw new Error(`start-up of ${script} failed: ${errors}`);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  return ms;
}
