import { loadPeer } from '../../common/peer.js';

/** @throws BootError PEER_MISSING */
export async function loadTypeorm(database: string): Promise<typeof import('@nestjs/typeorm')> {
  await loadPeer('typeorm', `database '${database}'`, () => import('typeorm'));
  return loadPeer('@nestjs/typeorm', `database '${database}'`, () => import('@nestjs/typeorm'));
}
