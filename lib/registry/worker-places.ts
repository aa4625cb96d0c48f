import { WORKER_IDS } from '../common/snowflake.js';

/** A worker id that can be tried for. */
export interface WorkerPlace {
  readonly id: number;
  readonly fromMs: number;
  /** Version of the key that says so; 0 when there is none. */
  readonly version: bigint;
}

/** A key of a store, as far as it matters here. */
export interface PlaceRow {
  readonly key: string;
  readonly value: { toString(): string };
  readonly version: bigint;
}

/**
 * Ids that nobody holds, and whose time is over by our clock. `<prefix>/<id>/holder` is under the lease of who has the id; `<prefix>/<id>/until` stays, and says
 * up to when holders so far may have made ids.
 * @throws Error when there is none
 */
export function freePlaces(store: string, prefix: string, rows: readonly PlaceRow[], wallMs: number): WorkerPlace[] {
  const held = new Set(rows.filter(({ key }) => key.endsWith('/holder')).map(({ key }) => key.slice(0, -'/holder'.length)));
  const untils = new Map(rows.filter(({ key }) => key.endsWith('/until')).map((row) => [row.key.slice(0, -'/until'.length), row]));
  const unheld = Array.from({ length: WORKER_IDS }, (_, id): WorkerPlace => {
    const row = untils.get(`${prefix}/${id}`);
    // Garbage is nobody's end of time: the id stays unused until somebody deletes it.
    return { id, fromMs: row === undefined ? 0 : (/^\d{1,15}$/.test(row.value.toString()) ? Number(row.value.toString()) : Infinity), version: row?.version ?? 0n };
  }).filter(({ id }) => !held.has(`${prefix}/${id}`));
  const free = unheld.filter(({ fromMs }) => fromMs <= wallMs);
  if (free.length > 0) return free;
  throw new Error(
    unheld.length === 0
      ? `${store}: all ${WORKER_IDS} worker ids under ${prefix} are taken; give groups of processes prefixes of their own`
      : `${store}: ${unheld.length} worker ids under ${prefix} are free, and by our clock none of them yet; is the clock right?`,
  );
}
