import type { PackageDefinition } from '@grpc/proto-loader';
import { type FieldDescriptor, MessageIndex } from './message-index.js';
import { type ScalarCheck, scalarCheck } from './scalar-check.js';

/** Throws for what would arrive as another value, naming the field: `bigOne`, `list[3]`, `pairs["a"]`. */
export type MessageCheck = (message: unknown) => void;

interface FieldCheck {
  readonly name: string;
  readonly each: 'one' | 'list' | 'map';
  readonly check: (value: unknown, at: string) => void;
  readonly checkKey: ScalarCheck | undefined;
}

/**
 * Checks of the messages of one loaded proto. protobufjs takes what it can make of a value and says nothing: the text `12x` for an int64 is 12, `x` is 0, -1 for a uint32 is
 * 4294967295, an enum's name that there is not is its first one.
 */
export class MessageChecks {
  private readonly index: MessageIndex;
  private readonly compiled = new Map<string, FieldCheck[]>();

  constructor(definitions: PackageDefinition) {
    this.index = new MessageIndex(definitions);
  }

  /** Undefined for messages of which nothing can go wrong, such as those of texts only. @param type as `@grpc/proto-loader` gives it with a method */
  of(type: unknown): MessageCheck | undefined {
    const name = this.index.nameOf(type);
    if (name === undefined || !this.isNeeded(name, new Set())) return undefined;
    const fields = this.fieldsOf(name);
    return (message) => checkFields(fields, message, '');
  }

  private fieldsOf(name: string): FieldCheck[] {
    let fields = this.compiled.get(name);
    if (fields === undefined) {
      // Entered before it is filled: messages may hold themselves.
      this.compiled.set(name, (fields = []));
      for (const field of this.index.message(name)!.field) fields.push(...this.compile(name, field));
    }
    return fields;
  }

  private compile(message: string, field: FieldDescriptor): FieldCheck[] {
    const entry = this.index.mapEntry(message, field);
    const [key, value] = entry ?? [undefined, field];
    const check = this.valueCheck(message, value);
    const checkKey = key && keyCheck(key);
    if (check === undefined && checkKey === undefined) return [];
    return [{ name: field.name, each: entry ? 'map' : field.label === 'LABEL_REPEATED' ? 'list' : 'one', check: check ?? (() => {}), checkKey }];
  }

  private valueCheck(message: string, field: FieldDescriptor): FieldCheck['check'] | undefined {
    if (field.type === 'TYPE_ENUM') return scalarCheck(field.type, this.index.enumNames(message, field.typeName));
    if (field.type !== 'TYPE_MESSAGE') return scalarCheck(field.type);
    const inner = this.index.resolve(message, field.typeName);
    if (inner === undefined || !this.isNeeded(inner, new Set())) return undefined;
    const fields = this.fieldsOf(inner);
    return (value, at) => checkFields(fields, value, `${at}.`);
  }

  /** @param seen messages on the way here: one that holds itself needs nothing for that */
  private isNeeded(name: string, seen: Set<string>): boolean {
    if (seen.has(name)) return false;
    seen.add(name);
    return this.index.message(name)!.field.some((field) => {
      const [key, value] = this.index.mapEntry(name, field) ?? [undefined, field];
      if (key && keyCheck(key)) return true;
      if (value.type !== 'TYPE_MESSAGE') return scalarCheck(value.type) !== undefined;
      const inner = this.index.resolve(name, value.typeName);
      return inner !== undefined && this.isNeeded(inner, seen);
    });
  }
}

/** Keys of objects are texts; of booleans `true` and `false`, which nobody gets wrong. */
function keyCheck({ type }: FieldDescriptor): ScalarCheck | undefined {
  return type === 'TYPE_BOOL' ? undefined : scalarCheck(type);
}

/** What is no object is left to the library, which refuses it. */
function checkFields(fields: readonly FieldCheck[], message: unknown, at: string): void {
  if (typeof message !== 'object' || message === null) return;
  for (const { name, each, check, checkKey } of fields) {
    const value = (message as Record<string, unknown>)[name];
    if (value === undefined || value === null) continue;
    if (each === 'one') check(value, at + name);
    else if (each === 'list') {
      if (Array.isArray(value)) for (let i = 0; i < value.length; i++) check(value[i], `${at}${name}[${i}]`);
    } else if (typeof value === 'object') {
      for (const [key, item] of Object.entries(value)) {
        checkKey?.(key, `the key of ${at}${name}`);
        check(item, `${at}${name}[${JSON.stringify(key)}]`);
      }
    }
  }
}
