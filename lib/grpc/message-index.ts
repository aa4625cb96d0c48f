import type { PackageDefinition } from '@grpc/proto-loader';

/** A field as descriptors have it (google/protobuf/descriptor.proto), as far as it matters here. */
export interface FieldDescriptor {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  /** Of messages and enums: often relative. */
  readonly typeName: string;
}

interface EnumDescriptor {
  readonly name: string;
  readonly value: readonly { readonly name: string }[];
}

interface MessageDescriptor {
  readonly name: string;
  readonly field: readonly FieldDescriptor[];
  readonly nestedType: readonly MessageDescriptor[];
  readonly enumType: readonly EnumDescriptor[];
  readonly options: { readonly mapEntry?: boolean } | null;
}

/** Messages and enums of a loaded proto by their full names. */
export class MessageIndex {
  private readonly messages = new Map<string, MessageDescriptor>();
  private readonly enums = new Map<string, ReadonlySet<string>>();

  constructor(definitions: PackageDefinition) {
    for (const [name, definition] of Object.entries(definitions)) {
      if (!('format' in definition)) continue;
      const type = definition.type as object;
      if ('field' in type) this.add(name, type as MessageDescriptor);
      else if ('value' in type) this.addEnum(name, type as EnumDescriptor);
    }
  }

  message(name: string): MessageDescriptor | undefined {
    return this.messages.get(name);
  }

  /** The full name of a method's request or reply, which comes without it. Undefined when two messages look the same: then nobody can tell. */
  nameOf(type: unknown): string | undefined {
    const wanted = JSON.stringify(type);
    const name = (type as Partial<MessageDescriptor> | undefined)?.name;
    const found = [...this.messages].filter(([, message]) => message.name === name && JSON.stringify(message) === wanted);
    return found.length === 1 ? found[0]![0] : undefined;
  }

  /** Key and value of a map; undefined for other fields. */
  mapEntry(message: string, { label, type, typeName }: FieldDescriptor): readonly [FieldDescriptor, FieldDescriptor] | undefined {
    if (label !== 'LABEL_REPEATED' || type !== 'TYPE_MESSAGE') return undefined;
    const entry = this.messages.get(message)?.nestedType.find(({ name, options }) => name === typeName.slice(typeName.lastIndexOf('.') + 1) && options?.mapEntry === true);
    const [key, value] = ['key', 'value'].map((part) => entry?.field.find(({ name }) => name === part));
    return key && value && [key, value];
  }

  /** The names of an enum; undefined for one that is not here. */
  enumNames(scope: string, name: string): ReadonlySet<string> | undefined {
    const found = nearest(this.enums, scope, name);
    return found === undefined ? undefined : this.enums.get(found);
  }

  /** The full name of a message; undefined for one that is not here. */
  resolve(scope: string, name: string): string | undefined {
    return nearest(this.messages, scope, name);
  }

  private add(name: string, message: MessageDescriptor): void {
    this.messages.set(name, message);
    for (const nested of message.nestedType) if (nested.options?.mapEntry !== true) this.add(`${name}.${nested.name}`, nested);
    for (const nested of message.enumType) this.addEnum(`${name}.${nested.name}`, nested);
  }

  private addEnum(name: string, { value }: EnumDescriptor): void {
    this.enums.set(name, new Set(value.map((one) => one.name)));
  }
}

/** A relative name means the nearest one outwards. */
function nearest(known: ReadonlyMap<string, unknown>, scope: string, name: string): string | undefined {
  if (name.startsWith('.')) return known.has(name.slice(1)) ? name.slice(1) : undefined;
  for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
    const candidate = outer === '' ? name : `${outer}.${name}`;
    if (known.has(candidate)) return candidate;
    if (outer === '') return undefined;
  }
}
