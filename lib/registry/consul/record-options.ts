import { BootError } from '../../common/boot-error.js';
import { didYouMean } from '../../common/did-you-mean.js';

/** Mistakes that all records can have in their options. @throws BootError CONSUL_OPTIONS */
export function checkRecordOptions(factory: string, options: object, known: Readonly<Record<string, true>>): void {
  const wrong = (what: string) => new BootError('CONSUL_OPTIONS', `${factory}(): ${what}`);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, key)) throw wrong(`unknown option "${key}"${didYouMean(key, Object.keys(known))}`);
    if (key.endsWith('Ms') && !(typeof value === 'number' && Number.isFinite(value) && value >= 1)) throw wrong(`${key} must be a number of milliseconds from 1, got ${String(value)}`);
    if (key === 'tags' && !(Array.isArray(value) && value.every((tag) => typeof tag === 'string' && tag !== '' && !tag.includes(',')))) {
      throw wrong(`tags must be a list of texts without commas, got ${JSON.stringify(value)}`);
    }
    if (key === 'initialStatus' && value !== 'passing' && value !== 'critical') throw wrong(`initialStatus must be 'passing' or 'critical', got ${String(value)}`);
    if ((key === 'prefix' || key === 'environment' || key === 'checkService') && (typeof value !== 'string' || value.includes(','))) throw wrong(`${key} must be a text without commas, got ${String(value)}`);
  }
}
