/** Few: strangers can make us remember thousands of processes. */
const FIRST_SLOTS = 8;
const MOST_SLOTS = 4096;

/**
 * What is under way, by call id. Ids of one sender grow by one, so that nearly all of them have a slot of their own and adding or removing
 * allocates nothing; a `Map` would grow and shrink its storage with every batch. Ids that share a slot go to a map.
 */
export class IdTable<T> {
  private slots = FIRST_SLOTS;
  private ids = emptyIds(FIRST_SLOTS);
  private items = new Array<T | undefined>(FIRST_SLOTS).fill(undefined);
  private readonly overflow = new Map<number, T>();
  private inSlots = 0;

  get size(): number {
    return this.inSlots + this.overflow.size;
  }

  get(id: number): T | undefined {
    const slot = id % this.slots;
    return this.ids[slot] === id ? this.items[slot] : this.overflow.get(id);
  }

  /** Replaces what is there under this id. */
  set(id: number, item: T): void {
    const slot = id % this.slots;
    const taken = this.ids[slot]!;
    if (taken === id) {
      this.items[slot] = item;
    } else if (taken === -1 && (this.overflow.size === 0 || !this.overflow.has(id))) {
      this.ids[slot] = id;
      this.items[slot] = item;
      this.inSlots++;
    } else {
      this.overflow.set(id, item);
      if (this.inSlots * 2 > this.slots && this.slots < MOST_SLOTS) this.grow();
    }
  }

  /** False: it was not there. */
  delete(id: number): boolean {
    const slot = id % this.slots;
    if (this.ids[slot] !== id) return this.overflow.delete(id);
    this.ids[slot] = -1;
    this.items[slot] = undefined;
    this.inSlots--;
    return true;
  }

  /** A copy: the table may change while it is walked. */
  entries(): [id: number, item: T][] {
    const found: [number, T][] = [];
    this.ids.forEach((id, slot) => {
      if (id !== -1) found.push([id, this.items[slot]!]);
    });
    return [...found, ...this.overflow];
  }

  values(): T[] {
    return this.entries().map(([, item]) => item);
  }

  clear(): void {
    this.ids.fill(-1);
    this.items.fill(undefined);
    this.overflow.clear();
    this.inSlots = 0;
  }

  private grow(): void {
    const all = this.entries();
    this.slots *= 4;
    this.ids = emptyIds(this.slots);
    this.items = new Array<T | undefined>(this.slots).fill(undefined);
    this.overflow.clear();
    this.inSlots = 0;
    for (const [id, item] of all) this.set(id, item);
  }
}

function emptyIds(slots: number): number[] {
  return new Array<number>(slots).fill(-1);
}
