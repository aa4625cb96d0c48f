import { didYouMean, nearest } from '../common/did-you-mean.js';
import type { AppConfig, ProcessGroups } from './app-config.js';
import type { KeyPath } from './config-layer.js';
import type { Findings } from './findings.js';
import type { Plain } from './plain.js';

/** mqant's rules for a `Module` section: an Id is unique over the whole file, a type has at most one entry per process group. */
export function checkModuleEntries(module: Plain, place: (path: KeyPath) => string, findings: Findings): void {
  const ids = new Map<string, string>();
  for (const [type, list] of Object.entries(module)) {
    const groups = new Map<string, string>();
    for (const [i, entry] of (list as Plain[]).entries()) {
      const name = `Module.${type}[${i}]`;
      const { Id: id, ProcessID: group } = entry as { Id?: string; ProcessID?: string };
      if (!group) {
        findings.warn(`${place(['Module', type, i])} has no ProcessID: it runs in no process. Write "ProcessID": "development", or the group that shall run it`);
      } else if (groups.has(group)) {
        findings.mistake(`${place(['Module', type, i])}: ProcessID "${group}" is taken by ${groups.get(group)}: a module runs once per process group`);
      } else groups.set(group, name);
      if (!id) continue;
      if (ids.has(id)) findings.mistake(`${place(['Module', type, i])}: Id "${id}" is taken by ${ids.get(id)}: ids are unique over the whole file`);
      else ids.set(id, name);
    }
  }
}

/** Which types run in the group `processId`. Undefined without a `Module` section. */
export function groupsOf(module: Plain | undefined, processId: string, findings: Findings): ProcessGroups | undefined {
  if (!module) return undefined;
  const running: string[] = [];
  const others: { type: string; processIds: string[] }[] = [];
  for (const [type, list] of Object.entries(module)) {
    const processIds = (list as Plain[]).map((entry) => entry.ProcessID).filter((id): id is string => typeof id === 'string' && id !== '');
    if (processIds.includes(processId)) running.push(type);
    else others.push({ type, processIds });
  }
  if (running.length === 0) {
    const known = new Set(others.flatMap((other) => other.processIds));
    const list = known.size > 0 ? ` The file has: ${[...known].join(', ')}` : '';
    findings.warn(`no entry of Module has ProcessID "${processId}"${didYouMean(processId, known)}: this process runs no module (flag -pid).${list}`);
  }
  return { running, others };
}

/**
 * Warnings for module types that config mentions and no class has. A type of another process group may live in another program, so it is told
 * only when it looks like a slip of the pen.
 */
export function validateModuleTypes(config: AppConfig, knownTypes: Iterable<string>): string[] {
  const known = new Set(knownTypes);
  const elsewhere = new Set(config.groups?.others.map((other) => other.type));
  const unmentioned = [...known].filter((type) => !config.moduleTypes.includes(type));
  const where = config.configFile ?? 'config';
  return config.moduleTypes.flatMap((type) => {
    if (known.has(type) || (elsewhere.has(type) && nearest(type, unmentioned) === undefined)) return [];
    return [`${where}: no class has the module type "${type}"${didYouMean(type, unmentioned.length > 0 ? unmentioned : known)}; the entry has no effect`];
  });
}
