import type { Logger } from '../common/logger.js';

const LONGEST_SQL = 500;

/** Parameters stay out: they are other people's data. */
export function logSlow(logger: Logger, database: string, sql: string, ms: number): void {
  const line = sql.replace(/\s+/g, ' ').trim();
  logger.warn(`slow statement on database '${database}'`, { ms: Math.round(ms), sql: line.length > LONGEST_SQL ? `${line.slice(0, LONGEST_SQL)}...` : line });
}
