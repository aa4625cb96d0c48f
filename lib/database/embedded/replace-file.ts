import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file as a whole: after a crash at any moment it is the old one or the new one. Resolves when the new one survives a power cut. It has the mode of the
 * old one, and stands where a link leads to.
 */
export async function replaceFile(file: string, content: Uint8Array): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const next = `${target}.tmp`;
  try {
    await write(next, content, await modeOf(target));
    await rename(next, target);
  } catch (error) {
    // On a full disk the part that was written is what others need most.
    await rm(next, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(target));
}

async function write(file: string, content: Uint8Array, mode: number | undefined): Promise<void> {
  const handle = await open(file, 'w', mode);
  try {
    if (mode !== undefined) await handle.chmod(mode);
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function modeOf(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ mode }) => mode & 0o777,
    () => undefined,
  );
}

/** The rename itself is data of the folder. Windows has no such thing, and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
