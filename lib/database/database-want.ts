import type { EntityRef } from './tokens.js';

/** What one place of a class asks for. A class of its own, so that it is told from what other parts are asked for. */
export class DatabaseWant {
  constructor(
    /** Name of the database, as the class says it. */
    readonly name: string,
    /** For a repository. */
    readonly entity?: EntityRef,
  ) {}
}
