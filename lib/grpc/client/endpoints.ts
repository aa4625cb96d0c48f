import { rpcError } from '../../common/error-catalog.js';
import type { NodePicker } from '../../common/selection.js';
import type { ServiceNode } from '../../common/service-node.js';
import { grpcAddressOf } from './client-target.js';
import { type ChannelMaker, Endpoint } from './endpoint.js';

/** An endpoint that no call has used for this long is closed; the directory forgets services that nobody calls after the same time. */
const IDLE_MS = 300_000;

/** The endpoints of one client: made on first use, closed when their nodes leave, or when nobody uses them. */
export class Endpoints {
  private readonly byAddress = new Map<string, Endpoint>();
  private readonly ofNode = new Map<string, { readonly node: ServiceNode; readonly endpoint: Endpoint }>();
  private readonly stopListening: () => void;
  private cancelSweep: (() => void) | undefined;
  private isClosed = false;

  constructor(private readonly maker: ChannelMaker, picker: NodePicker) {
    this.stopListening = picker.onChange(({ changed, removed }) => {
      for (const node of removed) this.left(node.id);
      for (const node of changed) if (this.ofNode.get(node.id)?.endpoint.address !== grpcAddressOf(node)) this.left(node.id);
    });
  }

  get size(): number {
    return this.byAddress.size;
  }

  /** @throws RpcError */
  of(node: ServiceNode): Endpoint {
    const known = this.ofNode.get(node.id);
    if (known?.node === node) return known.endpoint;
    return this.adopt(node);
  }

  /** @throws RpcError */
  private adopt(node: ServiceNode): Endpoint {
    if (this.isClosed) throw rpcError('ABORTED_BY_CALLER', 'the gRPC client is closed');
    const address = grpcAddressOf(node);
    if (address === undefined) throw rpcError('WIRE_MISMATCH', `${node.id} has no gRPC endpoint: neither metadata "anthill.grpc" nor an address host:port`);
    let endpoint = this.byAddress.get(address);
    if (endpoint === undefined) this.byAddress.set(address, (endpoint = new Endpoint(address, this.maker)));
    // Counted before it leaves the old place, which may be the same.
    endpoint.nodes++;
    this.left(node.id);
    this.ofNode.set(node.id, { node, endpoint });
    this.cancelSweep ??= this.maker.clock.after(IDLE_MS, () => this.sweep());
    return endpoint;
  }

  close(): void {
    this.isClosed = true;
    this.stopListening();
    this.cancelSweep?.();
    for (const endpoint of this.byAddress.values()) endpoint.close();
    this.byAddress.clear();
    this.ofNode.clear();
  }

  private left(nodeId: string): void {
    const known = this.ofNode.get(nodeId);
    if (known === undefined) return;
    this.ofNode.delete(nodeId);
    const { endpoint } = known;
    if (--endpoint.nodes > 0) return;
    this.byAddress.delete(endpoint.address);
    endpoint.retire();
  }

  private sweep(): void {
    for (const [id, { endpoint }] of this.ofNode) if (!endpoint.used && endpoint.inFlight === 0) this.left(id);
    for (const endpoint of this.byAddress.values()) endpoint.used = false;
    this.cancelSweep = this.byAddress.size === 0 ? undefined : this.maker.clock.after(IDLE_MS, () => this.sweep());
  }
}
