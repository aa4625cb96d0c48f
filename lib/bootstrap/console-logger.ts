import { ConsoleLogger, type LoggerService, type LogLevel as NestLevel } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';

const LEVELS: Readonly<Record<AppConfig['log']['level'], NestLevel[]>> = {
  debug: ['fatal', 'error', 'warn', 'log', 'debug'],
  info: ['fatal', 'error', 'warn', 'log'],
  warn: ['fatal', 'error', 'warn'],
  error: ['fatal', 'error'],
  silent: [],
};

/** The logger of an app whose user brought none: Nest's console, at the level and in the form that config names. */
export function consoleLogger(config: AppConfig): LoggerService {
  return new ConsoleLogger({ logLevels: LEVELS[config.log.level], json: config.log.format === 'json' });
}

/** The level of {@link consoleLogger}, after a reload. */
export function setLevel(logger: LoggerService | false, config: AppConfig): void {
  if (logger) logger.setLogLevels?.(LEVELS[config.log.level]);
}
