import type { PickHint, Selector } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import { random } from './random.selector.js';
import { checkOptions, integerOf, numberOf, textOf } from './selector-options.js';

/** What {@link preferZone} prefers; all optional. @public */
export interface PreferZoneOptions {
  /** Chooses among the nodes that are left. @default random() */
  selector?: Selector;
  /** Our zone. @default that of the process: `zone` of the config, else metadata `zone` of its own nodes */
  zone?: string;
  /** Metadata key under which nodes say their zone. @default 'zone' */
  key?: string;
  /** Our zone serves alone while at least this share of its nodes is usable: not unreachable, not ejected. @default 0.5 */
  minShare?: number;
  /** And while at least this many are usable. @default 1 */
  minNodes?: number;
}

/**
 * Prefers nodes of our own zone, among which another strategy chooses. When the zone has no nodes, too few, or too few usable ones, that strategy chooses among
 * all nodes, our zone's included. A process that knows no zone of its own prefers none.
 * @throws BootError SELECTOR_OPTIONS
 * @public
 */
export function preferZone(options: PreferZoneOptions = {}): Selector {
  checkOptions('preferZone()', options, ['selector', 'zone', 'key', 'minShare', 'minNodes']);
  const inner = options.selector ?? random();
  const own = options.zone === undefined ? undefined : textOf('preferZone()', 'zone', options.zone);
  const key = textOf('preferZone()', 'key', options.key ?? 'zone');
  const minShare = numberOf('preferZone()', 'minShare', options.minShare ?? 0.5, 0, 1);
  const minNodes = integerOf('preferZone()', 'minNodes', options.minNodes ?? 1, 1);

  const inZone = (nodes: readonly ServiceNode[], zone: string) => nodes.filter(({ metadata }) => Object.hasOwn(metadata, key) && metadata[key] === zone);
  const choices = new WeakMap<readonly ServiceNode[], Preference>();
  const compile = (candidates: readonly ServiceNode[], eligible: readonly ServiceNode[], zone: string): Preference => {
    const near = inZone(candidates, zone);
    const isEnough = near.length >= minNodes && near.length >= minShare * inZone(eligible, zone).length;
    // The same array where nothing is left out, so that the inner strategy compiles it once.
    return { zone, eligible, near, nodes: isEnough && near.length < candidates.length ? near : candidates };
  };
  /** Undefined: there is no zone to prefer. */
  const preferenceOf = (candidates: readonly ServiceNode[], hint: PickHint): Preference | undefined => {
    const zone = own ?? hint.zone;
    if (zone === undefined) return undefined;
    const eligible = hint.eligible ?? candidates;
    let choice = choices.get(candidates);
    if (choice === undefined || choice.eligible !== eligible || choice.zone !== zone) choices.set(candidates, (choice = compile(candidates, eligible, zone)));
    return choice;
  };

  return {
    name: 'preferZone',
    pick: (candidates, hint) => inner.pick(preferenceOf(candidates, hint)?.nodes ?? candidates, hint),
    ...(inner.done && { done: (node, outcome) => inner.done!(node, outcome) }),
    explain(candidates, hint) {
      const preference = preferenceOf(candidates, hint);
      const nodes = preference?.nodes ?? candidates;
      const view = inner.explain?.(nodes, hint) ?? { choice: undefined, certain: false, notes: [`${inner.name} does not explain itself`] };
      const kept = new Set(nodes);
      const others = candidates.filter((node) => !kept.has(node)).map((node) => [node.id, `not in zone ${preference?.zone}`] as const);
      return { ...view, leftOut: new Map([...others, ...(view.leftOut ?? [])]), notes: [...describe(preference), `then ${inner.name}`, ...(view.notes ?? [])] };
    },
  };
}

/** What one set of candidates comes to. */
interface Preference {
  readonly zone: string;
  readonly eligible: readonly ServiceNode[];
  /** Candidates of the zone. */
  readonly near: readonly ServiceNode[];
  /** Where to choose. */
  readonly nodes: readonly ServiceNode[];
}

function describe(preference: Preference | undefined): string[] {
  if (preference === undefined) return ['this process knows no zone of its own'];
  const { zone, near, nodes } = preference;
  return [near.length === nodes.length ? `zone ${zone} is preferred` : `zone ${zone} has ${near.length} usable nodes, which is too few: all zones serve`];
}
