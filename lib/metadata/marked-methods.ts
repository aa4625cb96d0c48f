import type { MetadataHandle } from './define-metadata.js';

/** What a decorator of methods was put on. */
export interface MarkedMethod {
  readonly method: string;
  readonly kind: 'method' | 'property' | 'accessor' | 'static';
}

/** For decorators of methods: adds `entry` to what the class has under `handle`. Whether it makes sense is the explorer's question. */
export function markMethod<T extends MarkedMethod>(
  handle: MetadataHandle<readonly T[]>,
  { target, method, descriptor }: { readonly target: object; readonly method: string; readonly descriptor: PropertyDescriptor | undefined },
  entry: Omit<T, keyof MarkedMethod>,
): void {
  const isStatic = typeof target === 'function';
  const classRef = isStatic ? target : target.constructor;
  const kind = isStatic ? 'static' : descriptor === undefined ? 'property' : descriptor.get || descriptor.set ? 'accessor' : 'method';
  const marked = Object.freeze({ ...entry, method, kind }) as unknown as T;
  const own = handle.own(classRef) ?? [];
  // Decorators of one method run from the last to the first: put aliases in the order they are read.
  const at = own.findIndex((known) => known.method === method);
  handle.write(classRef, at < 0 ? [...own, marked] : own.toSpliced(at, 0, marked));
}

/**
 * Marked methods of a class and of what it extends, base first. A method that a subclass marks again replaces the base's; one that it merely
 * overrides stays marked.
 */
export function markedMethods<T extends MarkedMethod>(handle: MetadataHandle<readonly T[]>, classRef: object): readonly (T & { readonly declaredBy: Function })[] {
  const found: (T & { readonly declaredBy: Function })[] = [];
  const taken = new Set<string>();
  for (let level: object | null = classRef; typeof level === 'function' && level !== Function.prototype; level = Object.getPrototypeOf(level) as object | null) {
    const declaredBy = level;
    const own = (handle.own(level) ?? []).filter(({ method }) => !taken.has(method));
    for (const { method } of own) taken.add(method);
    found.unshift(...own.map((entry) => ({ ...entry, declaredBy })));
  }
  return found;
}
