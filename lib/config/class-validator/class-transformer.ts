import { loadPeer } from '../../common/peer.js';

/** Turns a plain tree into an instance of a class, with the defaults that its fields have. @throws BootError PEER_MISSING */
export async function instanceMaker<T extends object>(schema: new () => T): Promise<(plain: unknown) => T> {
  const { plainToInstance } = await loadPeer('class-transformer', `config by the class ${schema.name}`, () => import('class-transformer'));
  return (plain) => plainToInstance(schema, plain, { exposeDefaultValues: true });
}
