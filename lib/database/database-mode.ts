/** Provided in apps under test: which databases are in memory. */
export const DATABASE_MODE: unique symbol = Symbol('which databases are in memory');
export type DatabaseMode = 'undeclared' | 'all';
