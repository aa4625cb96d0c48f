import type { NodeFilter } from '../common/selection.js';

/** Filters of one call, sorted out: those with a key are compiled per snapshot, the others run on every pick. */
export interface FilterSet {
  /** Names the set of keyed filters. */
  readonly key: string;
  readonly keyed: readonly NodeFilter[];
  readonly perPick: readonly NodeFilter[];
}

/** Sorts filters out once per array: clients pass the same array with every call. */
export class FilterSets {
  private readonly byArray = new WeakMap<readonly NodeFilter[], FilterSet>();

  of(filters: readonly NodeFilter[]): FilterSet {
    let set = this.byArray.get(filters);
    if (set === undefined) {
      const keyed = filters.filter((filter) => filter.key !== undefined);
      set = {
        key: keyed.map((filter) => filter.key).join(' & '),
        keyed,
        perPick: filters.filter((filter) => filter.key === undefined),
      };
      this.byArray.set(filters, set);
    }
    return set;
  }
}

/** For messages. */
export function describeFilter(filter: NodeFilter): string {
  return filter.key ?? (filter.name || 'a function');
}
