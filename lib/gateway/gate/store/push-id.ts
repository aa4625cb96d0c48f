const HIGHEST = 0xffff;

/** The next free packet identifier after `last`, going round; undefined when all are taken. */
export function nextPushId(last: number, isTaken: (id: number) => boolean): number | undefined {
  for (let step = 1; step <= HIGHEST; step++) {
    const id = ((last + step - 1) % HIGHEST) + 1;
    if (!isTaken(id)) return id;
  }
  return undefined;
}
