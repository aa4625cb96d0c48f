/**
 * Adds a type to the mqant wire, as mqant's `AddRPCSerialize` does. Registered with `mqantWire({ serializers: [...] })`; both sides need it.
 * @plugin
 */
export interface ValueSerializer {
  /** Type name on the wire, and in `@Handler({ args: ['NAME'] })`. Must not begin with `proto` or `marshal`: mqant tests those by prefix. */
  readonly name: string;
  /** Type names it decodes. @default only `name` */
  readonly types?: readonly string[];
  /** Undefined: not a value of mine. Asked for every object that is an argument or a result. */
  serialize(value: unknown): { readonly type: string; readonly bytes: Uint8Array } | undefined;
  /** @param bytes a copy, yours to keep @throws anything, when they make no sense */
  deserialize(type: string, bytes: Uint8Array): unknown;
}
