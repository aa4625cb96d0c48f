import type { LoggerService } from '@nestjs/common';
import type { LogFields, Logger } from '../common/logger.js';

/** The core's logger over any logger of Nest's: fields follow the message as `key=value`. */
export class NestLogger implements Logger {
  constructor(
    private readonly target: LoggerService,
    private readonly context = 'Anthill',
  ) {}

  debug(message: string, fields?: LogFields): void {
    this.target.debug?.(line(message, fields), this.context);
  }

  info(message: string, fields?: LogFields): void {
    this.target.log(line(message, fields), this.context);
  }

  warn(message: string, fields?: LogFields): void {
    this.target.warn(line(message, fields), this.context);
  }

  error(message: string, fields?: LogFields): void {
    const stack = fields?.['error'] instanceof Error ? readable(() => (fields['error'] as Error).stack) : undefined;
    this.target.error(line(message, fields), stack, this.context);
  }
}

function line(message: string, fields: LogFields | undefined): string {
  let text = message;
  for (const [key, value] of Object.entries(fields ?? {})) if (value !== undefined) text += ` ${key}=${show(value)}`;
  return oneLine(text);
}

function show(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(readable(() => `${value.name}: ${value.message}`) ?? 'an unreadable error');
  if (typeof value === 'object' && value !== null) return readable(() => JSON.stringify(value)) ?? '[unserializable]';
  const text = readable(() => String(value)) ?? '[unreadable]';
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}

/** What users throw may throw when looked at. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A message from outside must not look like a second line, nor move the cursor. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
