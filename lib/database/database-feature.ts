import type { EntityRef } from './tokens.js';

/** What `forFeature` adds to a database. A class of its own, to be found in the container. */
export class DatabaseFeature {
  constructor(
    readonly name: string,
    readonly entities: readonly EntityRef[],
    readonly migrations: readonly (Function | string)[],
  ) {}
}
