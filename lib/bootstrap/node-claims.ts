import { hostname } from 'node:os';
import { BootError } from '../common/boot-error.js';
import type { Clock } from '../common/clock.js';
import type { Logger } from '../common/logger.js';
import { NODE_META, type ServiceNode } from '../common/service-node.js';
import type { Registry } from '../registry/registry.js';
import type { Transport } from '../rpc/transport.js';

/** The registry may take this long to say who has our ids; without an answer the start goes on. */
const LOOK_WAIT_MS = 3000;
const NOTHING = new Uint8Array(0);

/** What claims work with. */
export interface ClaimDeps {
  readonly transport: Transport;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps two living processes from running nodes of one id, which would take each other's calls and registration. Two that start in the same
 * moment see nothing of each other; a record whose process is dead is nobody's, so that a crashed node comes back under its id at once.
 */
export class NodeClaims {
  private readonly probes = new Map<number, () => void>();
  private nextToken = -1;

  constructor(private readonly deps: ClaimDeps) {}

  /**
   * Before the node listens: from then on it would share the other's address.
   * @param ours where this process can be reached
   * @throws BootError NODE_ID_TAKEN naming both
   */
  async check(type: string, id: string, ours: string): Promise<void> {
    const { logger } = this.deps;
    const other = await this.find(type, id);
    if (other === undefined) return;
    const theirs = other.metadata[NODE_META.process] ?? other.address;
    if (theirs === ours) return;
    const where = `${theirs} (host ${other.metadata['hostname'] ?? 'unknown'}, pid ${other.metadata['pid'] ?? 'unknown'})`;
    if (!(await this.isHeard(theirs))) return logger.info(`node ${id} takes the place of a dead one at ${where}`);
    throw new BootError(
      'NODE_ID_TAKEN',
      `node ${id} runs already, at ${where}; this process, ${ours} (host ${hostname()}, pid ${process.pid}), must not take its place: stop the other, or give one of them another node id`,
    );
  }

  /** The transport's word on a probe. True when it was one. */
  undeliverable(token: number): boolean {
    const probe = this.probes.get(token);
    probe?.();
    return probe !== undefined;
  }

  private async find(type: string, id: string): Promise<ServiceNode | undefined> {
    const { registry, clock, logger } = this.deps;
    const limit = new AbortController();
    const cancel = clock.after(LOOK_WAIT_MS, () => limit.abort(new Error(`no answer within ${LOOK_WAIT_MS} ms`)), true);
    try {
      return (await registry.get(type, limit.signal)).nodes.find((node) => node.id === id);
    } catch (error) {
      logger.debug(`whether another process runs ${id} is not known: ${(error as Error).message}`);
      return undefined;
    } finally {
      cancel();
    }
  }

  /** Does anybody listen there? An empty message says nothing to whoever does; that it reached nobody is told before the flush ends. */
  private async isHeard(address: string): Promise<boolean> {
    const { transport } = this.deps;
    // Odd and negative: tokens of no wire.
    const token = this.nextToken;
    this.nextToken -= 2;
    let isHeard = true;
    this.probes.set(token, () => (isHeard = false));
    try {
      transport.send(address, NOTHING, token);
      await transport.flush();
      return isHeard;
    } catch {
      // The link went down, or that is no address: nothing speaks for a living one.
      return false;
    } finally {
      this.probes.delete(token);
    }
  }
}
