import { BootError } from '../../common/boot-error.js';
import type { ValueSerializer } from '../../rpc/value-serializer.js';

const BUILT_IN = new Set(['null', 'bool', 'int', 'long', 'float', 'double', 'bytes', 'string', 'map', 'mapstr', 'trace', 'json']);

/** The custom types of one wire. */
export class SerializerTable {
  private readonly byName = new Map<string, ValueSerializer>();
  private readonly byType = new Map<string, ValueSerializer>();

  /** @throws BootError SERIALIZER_NAME, DUPLICATE_SERIALIZER */
  constructor(readonly all: readonly ValueSerializer[] = []) {
    for (const serializer of all) {
      const { name, types = [name] } = serializer;
      for (const type of new Set([name, ...types])) checkName(type);
      if (this.byName.has(name)) throw duplicate(name);
      this.byName.set(name, serializer);
      for (const type of new Set(types)) {
        if (this.byType.has(type)) throw duplicate(type);
        this.byType.set(type, serializer);
      }
    }
  }

  named(name: string): ValueSerializer | undefined {
    return this.byName.get(name);
  }

  decoding(type: string): ValueSerializer | undefined {
    return this.byType.get(type);
  }
}

function checkName(name: string): void {
  if (name !== '' && !name.startsWith('proto') && !name.startsWith('marshal') && !BUILT_IN.has(name)) return;
  throw new BootError('SERIALIZER_NAME', `a serializer of the mqant wire cannot be named '${name}': the name is empty, built in, or begins with proto or marshal; choose another`);
}

function duplicate(name: string): BootError {
  return new BootError('DUPLICATE_SERIALIZER', `two serializers of the mqant wire are for the type '${name}'; drop or rename one of them`);
}
