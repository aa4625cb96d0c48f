import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import type { AppConfig } from './app-config.js';

/** What config may name in each place where it chooses a plug-in. */
export type PluginNames = Readonly<Record<'transport' | 'registry' | 'selector' | 'codec' | 'wire' | 'configCentre', readonly string[]>>;

export function unknownPlugin(kind: string, name: string, known: readonly string[]): BootError {
  return new BootError('PLUGIN_UNKNOWN', `config names the ${kind} '${name}', which does not exist${didYouMean(name, known)}; there are: ${known.join(', ')}`);
}

/** A mistake for each name that stands for nothing. `config` may have holes: other mistakes are told elsewhere. */
export function checkPluginNames(config: Partial<AppConfig>, known: PluginNames): BootError[] {
  const { transport, registry, selector, codec, configCentre, wires = [] } = config;
  const named = [['transport', transport?.name], ['registry', registry?.name], ['selector', selector?.name], ['codec', codec], ['configCentre', configCentre?.name], ...wires.map((wire) => ['wire', wire] as const)] as const;
  return named.flatMap(([kind, name]) => (typeof name === 'string' && !known[kind].includes(name) ? [unknownPlugin(kind, name, known[kind])] : []));
}
