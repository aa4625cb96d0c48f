import type { Spec } from './spec.js';

/**
 * Reads the text of an environment variable as the type that is wanted; what cannot be read so stays a text, for the check to refuse.
 * Without a description (settings, options of plug-ins) a text that is JSON counts as JSON, anything else as text.
 */
export function fromText(spec: Spec | undefined, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  switch (spec?.kind) {
    case 'text':
      return value;
    case 'number':
      return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : value;
    case 'boolean':
      return BOOLEANS.get(text.toLowerCase()) ?? value;
    case 'list':
      if (text.startsWith('[')) return json(text) ?? value;
      return text.split(',').map((item) => item.trim()).filter((item) => item !== '');
    case 'plugins':
      return /^[[{]/.test(text) ? (json(text) ?? value) : text.split(',').map((item) => item.trim()).filter((item) => item !== '');
    case 'plugin':
      return text.startsWith('{') ? (json(text) ?? value) : text;
    case undefined:
      return freeText(value);
    default:
      return json(text) ?? value;
  }
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([['true', true], ['1', true], ['false', false], ['0', false]]);

/** Numbers only when no digit is lost: `007` and long ids stay texts. */
function freeText(text: string): unknown {
  const value = json(text);
  if (typeof value === 'number') return String(value) === text ? value : text;
  return value === undefined ? text : value;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
