import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { findServer, projectRoot } from '../services/index.js';

/** Facts that figures mean nothing without; name and value. */
export function environment(now: Date): [string, string][] {
  const cores = cpus();
  return [
    ['Date', now.toISOString().slice(0, 10)],
    ['Commit', commit()],
    ['CPU', `${cores.length} x ${cores[0]?.model.trim() ?? 'unknown'}`],
    ['Memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    ['Load before the run', `${loadavg()[1]!.toFixed(1)} (average of 5 minutes)`],
    ['System', `${process.platform} ${release()}`],
    ['Node', process.version],
    ['nats-server', versionOf('nats-server', '--version')],
  ];
}

function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: projectRoot(), encoding: 'utf8' }).trim();
    const dirty = git('status', '--porcelain', '--untracked-files=no', '--', 'lib', 'sample', 'test/bench', 'package-lock.json') !== '';
    return `${git('rev-parse', '--short=10', 'HEAD')}${dirty ? ' with uncommitted changes' : ''}`;
  } catch {
    return 'not in a git repository';
  }
}

function versionOf(server: 'nats-server', flag: string): string {
  const binary = findServer(server);
  if (binary === undefined) return 'missing';
  return execFileSync(binary, [flag], { encoding: 'utf8' }).trim().replace(/^.*?v?(\d)/s, '$1');
}
