import { ByteReader } from '../rpc/byte-reader.js';
import { BLOCK, eachField, messageBytes, putBytes, putText, restBytes, restText } from './proto-fields.js';

/*
 * File descriptors (google/protobuf/descriptor.proto) of protobufjs, made fit for other languages: it leaves out which file needs which, writes
 * relative type names, and calls the entries of maps by names that Go and Python refuse.
 */

/** A file, ready to be shown. */
export interface DescribedFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly dependencies: readonly string[];
}

/** Fields of one message, in order. */
type Fields = { readonly field: number; readonly type: number; readonly bytes: Uint8Array }[];

const FILE = { name: 1, package: 2, dependency: 3, message: 4, enum: 5, service: 6, extension: 7 } as const;
const MESSAGE = { name: 1, field: 2, nested: 3, enum: 4, extension: 6, options: 7 } as const;
const FIELD = { name: 1, extendee: 2, number: 3, typeName: 6 } as const;
const METHOD = { input: 2, output: 3 } as const;
const MAP_ENTRY = 7;

/** What the files say, by names. Names of types have no dot in front. */
export class Descriptors {
  readonly files = new Map<string, DescribedFile>();
  /** The file of each message, enum, service and method. */
  readonly symbols = new Map<string, string>();
  /** By extended message and number: the file that extends it. */
  readonly extensions = new Map<string, Map<number, string>>();
  /** Entries of maps under the names that they must have. */
  private readonly renamed = new Map<string, string>();

  /** @throws MalformedBytes */
  constructor(protos: readonly Uint8Array[]) {
    const parsed = new Map<string, Fields>();
    for (const bytes of protos) {
      const fields = fieldsOf(bytes);
      const name = textOf(fields, FILE.name);
      if (!parsed.has(name)) parsed.set(name, fields);
    }
    for (const [name, fields] of parsed) this.index(name, fields);
    for (const [name, fields] of parsed) this.files.set(name, this.rewritten(name, fields));
  }

  /** A file and all that it needs, the file first. */
  closure(name: string): DescribedFile[] {
    const found = new Map<string, DescribedFile>();
    const add = (file: string): void => {
      const described = this.files.get(file);
      if (described === undefined || found.has(file)) return;
      found.set(file, described);
      described.dependencies.forEach(add);
    };
    add(name);
    return [...found.values()];
  }

  private index(file: string, fields: Fields): void {
    const scope = textOf(fields, FILE.package);
    const symbol = (name: string): void => void this.symbols.set(name, file);
    const message = (within: string, bytes: Uint8Array): void => {
      const parts = fieldsOf(bytes);
      const name = join(within, textOf(parts, MESSAGE.name));
      symbol(name);
      for (const part of parts) {
        if (part.field === MESSAGE.nested) message(name, part.bytes);
        else if (part.field === MESSAGE.enum) symbol(join(name, textOf(fieldsOf(part.bytes), 1)));
        else if (part.field === MESSAGE.field) this.renameEntry(name, parts, fieldsOf(part.bytes));
      }
    };
    for (const { field, bytes } of fields) {
      if (field === FILE.message) message(scope, bytes);
      else if (field === FILE.enum) symbol(join(scope, textOf(fieldsOf(bytes), 1)));
      else if (field === FILE.extension) this.indexExtension(file, fieldsOf(bytes));
      else if (field === FILE.service) {
        const parts = fieldsOf(bytes);
        const service = join(scope, textOf(parts, 1));
        symbol(service);
        for (const part of parts) if (part.field === 2) symbol(join(service, textOf(fieldsOf(part.bytes), 1)));
      }
    }
  }

  private indexExtension(file: string, field: Fields): void {
    const extendee = textOf(field, FIELD.extendee).replace(/^\./, '');
    const number = field.find((part) => part.field === FIELD.number);
    const numbers = this.extensions.get(extendee) ?? new Map<number, string>();
    if (number) numbers.set(new ByteReader(number.bytes).varint(), file);
    this.extensions.set(extendee, numbers);
  }

  private renameEntry(message: string, parts: Fields, field: Fields): void {
    const type = textOf(field, FIELD.typeName);
    const entry = parts.find((part) => part.field === MESSAGE.nested && textOf(fieldsOf(part.bytes), MESSAGE.name) === type);
    if (entry && isMapEntry(fieldsOf(entry.bytes))) this.renamed.set(join(message, type), join(message, `${entryName(textOf(field, FIELD.name))}`));
  }

  private rewritten(file: string, fields: Fields): DescribedFile {
    const scope = textOf(fields, FILE.package);
    const needed = new Set<string>();
    const parts = fields.filter(({ field }) => field !== FILE.dependency).map((part) => {
      if (part.field === FILE.message) return { ...part, bytes: this.message(scope, part.bytes, needed) };
      if (part.field === FILE.extension) return { ...part, bytes: this.references(scope, fieldsOf(part.bytes), [FIELD.extendee, FIELD.typeName], needed) };
      if (part.field !== FILE.service) return part;
      const methods = fieldsOf(part.bytes).map((inner) => (inner.field === 2 ? { ...inner, bytes: this.references(scope, fieldsOf(inner.bytes), [METHOD.input, METHOD.output], needed) } : inner));
      return { ...part, bytes: bytesOf(methods) };
    });
    needed.delete(file);
    const dependencies = [...needed];
    const bytes = messageBytes((writer) => {
      writer.raw(bytesOf(parts));
      for (const name of dependencies) putText(writer, FILE.dependency, name);
    });
    return Object.freeze({ name: file, bytes, dependencies });
  }

  private message(within: string, bytes: Uint8Array, needed: Set<string>): Uint8Array {
    const parts = fieldsOf(bytes);
    const name = join(within, textOf(parts, MESSAGE.name));
    const shown = this.renamed.get(name) ?? name;
    return bytesOf(
      parts.map((part) => {
        if (part.field === MESSAGE.name) return { ...part, bytes: Buffer.from(shown.slice(shown.lastIndexOf('.') + 1)) };
        if (part.field === MESSAGE.nested) return { ...part, bytes: this.message(name, part.bytes, needed) };
        if (part.field === MESSAGE.field || part.field === MESSAGE.extension) return { ...part, bytes: this.references(name, fieldsOf(part.bytes), [FIELD.extendee, FIELD.typeName], needed) };
        return part;
      }),
    );
  }

  /** The same with full names of types, noting which files these are in. */
  private references(scope: string, fields: Fields, which: readonly number[], needed: Set<string>): Uint8Array {
    return bytesOf(
      fields.map((part) => {
        if (!which.includes(part.field)) return part;
        const found = this.resolve(scope, Buffer.from(part.bytes).toString());
        if (found === undefined) return part;
        needed.add(this.symbols.get(found)!);
        return { ...part, bytes: Buffer.from(`.${this.renamed.get(found) ?? found}`) };
      }),
    );
  }

  /** A relative name means the nearest one outwards. */
  private resolve(scope: string, name: string): string | undefined {
    if (name.startsWith('.')) return this.symbols.has(name.slice(1)) ? name.slice(1) : undefined;
    for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
      const candidate = join(outer, name);
      if (this.symbols.has(candidate)) return candidate;
      if (outer === '') return undefined;
    }
  }
}

function isMapEntry(message: Fields): boolean {
  const options = message.find(({ field }) => field === MESSAGE.options);
  return options !== undefined && fieldsOf(options.bytes).some(({ field, bytes }) => field === MAP_ENTRY && bytes[0] === 1);
}

/** As protoc names it: `my_pairs` has the entry `MyPairsEntry`. */
function entryName(field: string): string {
  return `${field.replace(/(?:^|_)([a-zA-Z0-9])/g, (_all, letter: string) => letter.toUpperCase()).replaceAll('_', '')}Entry`;
}

function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

function fieldsOf(bytes: Uint8Array): Fields {
  const fields: Fields = [];
  eachField(new ByteReader(bytes), (field, type, value) => fields.push({ field, type, bytes: restBytes(value) }));
  return fields;
}

function bytesOf(fields: Fields): Buffer {
  return messageBytes((writer) => {
    for (const { field, type, bytes } of fields) {
      if (type === BLOCK) putBytes(writer, field, bytes);
      else {
        writer.varint(field * 8 + type);
        writer.raw(bytes);
      }
    }
  });
}

function textOf(fields: Fields, field: number): string {
  const found = fields.find((part) => part.field === field && part.type === BLOCK);
  return found === undefined ? '' : restText(new ByteReader(found.bytes));
}
