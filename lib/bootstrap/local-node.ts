import type { ServiceNode } from '../common/service-node.js';
import type { Advertiser } from '../registry/advertiser.js';
import type { RegistrationOptions } from '../registry/registry.js';
import type { LocalNodeHandle } from '../rpc/local-node-handle.js';
import type { RpcServer } from '../rpc/rpc.server.js';

/** A node to be served. */
export interface NodeSpec {
  readonly type: string;
  readonly id: string;
  /** The id was given, not drawn: another process may have it too. */
  readonly isNamed?: boolean;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly registration: RegistrationOptions;
}

/**
 * A node of this process: its server, and what the registry says of it. Modules reach their own as `rpc.local`.
 * @public
 */
export class LocalNode implements LocalNodeHandle {
  /** Set when the transport listens. */
  address = '';
  private published: ServiceNode | undefined;

  /** @internal */
  constructor(
    readonly server: RpcServer,
    readonly spec: NodeSpec,
    private readonly advertiser: Advertiser,
    /** Its metadata name another zone from now on, or none. */
    private readonly zoneMoved: (zone: string | undefined) => void = () => {},
  ) {}

  /** `type@id` */
  get id(): string {
    return this.server.nodeId;
  }

  /** As published; undefined before the app advertises. */
  get node(): ServiceNode | undefined {
    return this.published;
  }

  /** @internal */
  advertise(metadata: Readonly<Record<string, string>>): Promise<void> {
    const { type, version, registration } = this.spec;
    this.published = Object.freeze({ id: this.id, type, version, address: this.address, metadata: Object.freeze({ ...metadata }) });
    return this.advertiser.advertise(this.published, registration);
  }

  /**
   * Changes published metadata at once: given keys win, `undefined` removes a key. Resolves when the registry has it.
   * `{ state: 'forbidden' }` takes the node out of all selection but `type@id`.
   * @throws Error before the app advertises
   */
  async setMetadata(patch: Readonly<Record<string, string | undefined>>): Promise<void> {
    if (this.published === undefined) throw new Error(`${this.id} is not advertised yet: set metadata from run(), or in @RpcModule({ metadata })`);
    const metadata: Record<string, string> = { ...this.published.metadata };
    for (const [key, value] of Object.entries(patch)) {
      if (value === undefined) delete metadata[key];
      else metadata[key] = value;
    }
    const before = this.published.metadata['zone'];
    this.published = Object.freeze({ ...this.published, metadata: Object.freeze(metadata) });
    if (metadata['zone'] !== before) this.zoneMoved(metadata['zone']);
    await this.advertiser.update(this.published);
  }
}
