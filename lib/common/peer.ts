import { BootError } from './boot-error.js';

/**
 * Loads an optional vendor package on first use. The vendor's file passes its own `import('x')`, so that only files
 * that bear a vendor's name spell it.
 * @throws BootError PEER_MISSING with the install line, when the package is absent.
 */
export async function loadPeer<T>(packageName: string, neededBy: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause;
    throw new BootError('PEER_MISSING', `${neededBy} needs the package "${packageName}", which is not installed. Run: npm install ${packageName}`, { cause });
  }
}
