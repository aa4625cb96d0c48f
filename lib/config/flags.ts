import { BootError, bootErrors } from '../common/boot-error.js';
import { nearest } from '../common/did-you-mean.js';

/** What can be said about a process before its config file is read. Relative paths count from `workDir`. @public */
export interface LaunchValues {
  /** Flag `-wd`. @default the current directory */
  workDir?: string;
  /** Flag `-conf`. @default `<workDir>/bin/conf/server.json`, when it is there */
  configFile?: string;
  /** Flag `-pid`: the process group. @default 'development' */
  processId?: string;
  /** Flag `-log`. @default `<workDir>/bin/logs` */
  logDir?: string;
  /** Flag `-bi`. @default `<workDir>/bin/bi` */
  biDir?: string;
}

const FLAGS = { wd: 'workDir', conf: 'configFile', pid: 'processId', log: 'logDir', bi: 'biDir' } as const satisfies Record<string, keyof LaunchValues>;
type FlagName = keyof typeof FLAGS;

const isOurs = (name: string): name is FlagName => Object.hasOwn(FLAGS, name);

/**
 * Reads mqant's flags in Go's syntax: `-pid x`, `-pid=x`, `--pid x`, `--pid=x`; `--` ends them; the last one wins; an empty value is not given.
 * Everything else belongs to the user's program and is left alone; what looks like a slip of the pen for one of ours gets a warning.
 * @throws BootError FLAG_VALUE for a flag without its value.
 */
export function parseFlags(argv: readonly string[]): { values: LaunchValues; warnings: string[] } {
  const values: LaunchValues = {};
  const warnings: string[] = [];
  const errors: BootError[] = [];
  for (let i = 0; i < argv.length && argv[i] !== '--'; i++) {
    const token = flagToken(argv[i]!);
    if (!token) continue;
    if (!isOurs(token.name)) {
      const meant = token.name.length > 1 ? nearest(token.name, Object.keys(FLAGS)) : undefined;
      if (meant !== undefined) warnings.push(`unknown flag -${token.name} (did you mean -${meant}?)`);
      continue;
    }
    let value = token.value;
    if (value === undefined) {
      const next = argv[i + 1];
      if (next === undefined || next === '--' || isOurs(flagToken(next)?.name ?? '')) {
        errors.push(new BootError('FLAG_VALUE', `flag -${token.name} has no value: write -${token.name} <value> or -${token.name}=<value>`));
        continue;
      }
      value = next;
      i++;
    }
    if (value !== '') values[FLAGS[token.name]] = value;
    else delete values[FLAGS[token.name]];
  }
  if (errors.length > 0) throw bootErrors(errors);
  return { values, warnings };
}

function flagToken(text: string): { name: string; value?: string } | undefined {
  const match = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(text);
  return match ? { name: match[1]!, ...(match[2] !== undefined && { value: match[2] }) } : undefined;
}
