/** What class-transformer knows of `@Type(() => Item)`: the classes of nested values. Undefined where it is not installed. */
export async function typeStorage(): Promise<object | undefined> {
  try {
    // It has no other way to its metadata.
    const { default: storage } = (await import('class-transformer/cjs/storage.js' as string)) as { default: { defaultMetadataStorage: object } };
    return storage.defaultMetadataStorage;
  } catch {
    return undefined;
  }
}
