import { type ConsulRecord, nameOf } from './consul.record.js';

/** One name in Consul under which nodes of a service stand, and how its rows are read. */
export interface NameToRead {
  readonly name: string;
  readonly type: string;
  readonly records: readonly ConsulRecord[];
}

/** Where nodes of a service can stand: once for each name that records give it. */
export function namesToRead(type: string, records: readonly ConsulRecord[]): NameToRead[] {
  const byName = new Map<string, ConsulRecord[]>();
  for (const record of records) {
    const name = nameOf(record, type);
    const known = byName.get(name);
    if (known) known.push(record);
    else byName.set(name, [record]);
  }
  return [...byName].map(([name, list]) => ({ name, type, records: list }));
}
