import type { Bar, Finding, Table } from './case.js';

/** What stands in front of the tables. */
export interface ReportHead {
  readonly environment: readonly (readonly [string, string])[];
  readonly rounds: number;
  readonly measureMs: number;
  readonly warmUpMs: number;
}

/** docs/benchmarks.md. */
export function markdown(head: ReportHead, findings: readonly Finding[]): string {
  const bars = findings.flatMap((finding) => finding.bars);
  const missed = bars.filter(({ reached }) => !reached).length;
  return `${[
    '# Benchmarks',
    'Written by `npm run bench`; do not edit. How to run and read it: [test/bench](../test/bench/README.md).',
    rows({ head: ['', ''], rows: head.environment }),
    method(head),
    '## Bars',
    `The numbers that DESIGN section 8 promises: ${missed === 0 ? `all ${bars.length} reached` : `${bars.length - missed} of ${bars.length} reached`}.`,
    rows(barTable(bars)),
    ...findings.flatMap(({ title, table, note }) => [`## ${title[0]!.toUpperCase()}${title.slice(1)}`, rows(table), ...(note === undefined ? [] : [note])]),
  ].join('\n\n')}\n`;
}

/** For a terminal. */
export function plain({ title, table, bars, note }: Finding): string {
  const lines = [title, ...aligned(table)];
  if (note !== undefined) lines.push(note);
  lines.push(...bars.map(({ work, bar, measured, reached }) => `${reached ? 'reached    ' : 'NOT REACHED'} ${work}: ${bar}, measured ${measured}`));
  return lines.join('\n');
}

function method({ rounds, measureMs, warmUpMs }: ReportHead): string {
  return `## Method

Echo of a text over loopback. Each measurement is a fresh pair of processes, caller and callee, ${warmUpMs / 1000} s of warm-up (with at least 64 calls in flight) and ${measureMs / 1000} s of
counting; all peers take turns in ${rounds} rounds, in reverse order every other round. The load is a closed loop: N calls are under way at any
time, each reply sets off the next call. Figures are medians over rounds; a ratio is the median of the ratios within each round, which a
machine that is busy for a while disturbs less. Latency is of single calls under that load. CPU is what the whole process used, all threads, divided by calls.

Peers run as they come. Anthill has its default deadline of 10 s on every call, a \`concurrent: true\` handler and
discovery through Consul; its one setting is a higher \`maxPendingBytes\`, for 256 texts of 64 kB. nats.js has its mux inbox and a timeout of 10 s; its
callee sends back the bytes it got, all others decode and encode the text.`;
}

function barTable(bars: readonly Bar[]): Table {
  return { head: ['Work', 'Bar', 'Measured', ''], rows: bars.map(({ work, bar, measured, reached }) => [work, bar, measured, reached ? 'reached' : '**not reached**']) };
}

function rows({ head, rows: body }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...body.map(line)].join('\n');
}

function aligned({ head, rows: body }: Table): string[] {
  const all = [head, ...body];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
  return all.map((cells) => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]! + 2))).join(''));
}
