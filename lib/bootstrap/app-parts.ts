import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import { type AppPart, type HealthReport, type NodeToAdvertise, PHASES } from '../common/lifecycle.js';

/**
 * What a user gave as a part, when it can be one.
 * @param where where it comes from, for messages
 * @throws BootError APP_PART
 */
export function checkedPart(given: unknown, where: string): AppPart {
  const part = given as Partial<AppPart> | null | undefined;
  if (typeof part !== 'object' || part === null) throw new BootError('APP_PART', `${where} is ${String(given)}, which is no part of an app: parts live as long as the app does and have a name and a phase`);
  const { name, phase } = part;
  if (typeof name !== 'string' || name === '') throw new BootError('APP_PART', `the part of ${where} has no name: logs, errors and health show it`);
  const shown = `part '${name}' (${where})`;
  if (!(PHASES as readonly unknown[]).includes(phase)) {
    throw new BootError('APP_PART', `${shown} has the phase '${String(phase)}'${didYouMean(String(phase), PHASES)}; the phases are ${PHASES.join(', ')}`);
  }
  for (const method of ['start', 'stop', 'health', 'endpoints'] as const) {
    if (part[method] !== undefined && typeof part[method] !== 'function') throw new BootError('APP_PART', `${shown}: ${method} is no method`);
  }
  return part as AppPart;
}

/** A part whose report throws is not well. */
export function healthOf(part: AppPart): HealthReport {
  try {
    return part.health!();
  } catch (error) {
    return { status: 'down', detail: `its health() threw: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** What parts add to the metadata of a node. @throws BootError APP_PART for what is no text */
export function endpointsOf(parts: readonly AppPart[], node: NodeToAdvertise): Record<string, string> {
  const all: Record<string, string> = {};
  for (const part of parts) {
    for (const [key, value] of Object.entries(part.endpoints?.(node) ?? {})) {
      if (value === undefined) continue;
      if (typeof value !== 'string') throw new BootError('APP_PART', `part '${part.name}': endpoints() gave ${key} the value ${String(value)}; metadata are texts`);
      all[key] = value;
    }
  }
  return all;
}
