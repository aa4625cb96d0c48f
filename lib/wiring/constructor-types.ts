import { BootError } from '../common/boot-error.js';

/**
 * A class whose constructor takes what nobody can know: compiled without decorator metadata (tsx, esbuild), or never decorated. Nest would
 * pass `undefined` and say nothing. Ask before the container is made. Undefined: all is well.
 */
export function untypedConstructor(classRef: Function): BootError | undefined {
  if (classRef.length === 0 || Reflect.hasMetadata('design:paramtypes', classRef)) return undefined;
  const declared = (Reflect.getMetadata('self:paramtypes', classRef) ?? []) as { index: number }[];
  const known = new Set(declared.map(({ index }) => index));
  for (let index = 0; index < classRef.length; index++) {
    if (known.has(index)) continue;
    return new BootError(
      'CONSTRUCTOR_UNTYPED',
      `${classRef.name} has a constructor parameter at index [${index}] whose type does not exist at run time, so that Nest would inject undefined. ` +
        `Either the class has no decorator (add @Injectable()), or it was compiled by a tool that emits no decorator metadata, such as tsx or esbuild: ` +
        `compile with tsc and "emitDecoratorMetadata": true, or name the token with @Inject(Token)`,
    );
  }
  return undefined;
}
