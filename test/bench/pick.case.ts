import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Case } from './case.js';
import type { PickFigure } from './pick.bench.js';

const SCRIPT = fileURLToPath(new URL('./pick.bench.js', import.meta.url));
const BAR_NS = 1000;
const MANY = 10_000;
/** What counts as not growing: the accuracy of the measurement. A list of 10,000 nodes would be 80 kB. */
const SLACK_BYTES = 512;

/** Picks of a node, of every selector; a process of its own with the collector at hand. */
export function pickCase(): Case {
  return {
    name: 'pick',
    async run() {
      const child = fork(SCRIPT, { execArgv: ['--expose-gc'] });
      const [figures] = (await once(child, 'message')) as [PickFigure[]];
      await once(child, 'exit');
      const sizes = [...new Set(figures.map(({ nodes }) => nodes))];
      const names = [...new Set(figures.map(({ name }) => name))];
      const of = (name: string, nodes: number): PickFigure => figures.find((figure) => figure.name === name && figure.nodes === nodes)!;
      const slowest = Math.max(...names.map((name) => of(name, MANY).ns));
      const growth = Math.max(...names.map((name) => of(name, MANY).bytes! - of(name, sizes[0]!).bytes!));
      return {
        title: 'pick of a node with its done()',
        table: {
          head: ['', ...sizes.map((size) => `${size.toLocaleString('en')} nodes`)],
          rows: names.map((name) => [name, ...sizes.map((size) => `${of(name, size).ns.toFixed(0)} ns, ${of(name, size).bytes} B`)]),
        },
        bars: [
          { work: `pick among ${MANY.toLocaleString('en')} nodes, slowest selector`, bar: '< 1 µs', measured: `${slowest.toFixed(0)} ns`, reached: slowest < BAR_NS },
          { work: 'allocation of a pick', bar: 'does not grow with nodes', measured: `${Math.max(0, growth)} B more than among ${sizes[0]}`, reached: growth <= SLACK_BYTES },
        ],
        note: 'Bytes are what one pick allocates.',
      };
    },
  };
}
