import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Case } from './case.js';
import type { ConfigFigures } from './config.bench.js';

const SCRIPT = fileURLToPath(new URL('./config.bench.js', import.meta.url));
const BAR_NS = 50;

/** Reads of config values; a process of its own. */
export function configCase(): Case {
  return {
    name: 'config',
    async run() {
      const child = fork(SCRIPT);
      const [{ readNs, getNs, changeMs }] = (await once(child, 'message')) as [ConfigFigures];
      await once(child, 'exit');
      return {
        title: 'config values',
        table: {
          head: ['', 'time'],
          rows: [['`value.value`, injected', `${readNs.toFixed(1)} ns`], ['`config.get(path)`', `${getNs.toFixed(0)} ns`], ['one change, 100 values declared', `${changeMs.toFixed(2)} ms`]],
        },
        bars: [{ work: 'reading a config value', bar: '< 50 ns', measured: `${readNs.toFixed(1)} ns`, reached: readNs < BAR_NS }],
      };
    },
  };
}
