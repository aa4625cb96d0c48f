import 'reflect-metadata';

/** Anything a decorator writes on: a class, or the function of a method. */
export type MetadataTarget = object;

/**
 * The one way in and out of a piece of metadata. Its key exists only inside the handle, so that nobody can spell it a second time
 * and no other library can collide with it.
 */
export interface MetadataHandle<T> {
  /** For messages. */
  readonly name: string;
  /** Replaces what the target itself has. */
  write(target: MetadataTarget, value: T): void;
  /** What the target itself has, or what it inherits. */
  read(target: MetadataTarget): T | undefined;
  /** What the target itself has. */
  own(target: MetadataTarget): T | undefined;
  /** A class decorator that writes `value`. */
  decorate(value: T): ClassDecorator;
}

export function defineMetadata<T>(name: string): MetadataHandle<T> {
  const key: unique symbol = Symbol(`anthill:${name}`);
  const write = (target: MetadataTarget, value: T) => Reflect.defineMetadata(key, value, target);
  return Object.freeze<MetadataHandle<T>>({
    name,
    write,
    read: (target) => Reflect.getMetadata(key, target) as T | undefined,
    own: (target) => Reflect.getOwnMetadata(key, target) as T | undefined,
    decorate: (value) => (target) => write(target, value),
  });
}
