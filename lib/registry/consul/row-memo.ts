import type { ConsulHealthEntry } from '../../backend/consul/consul.rows.js';
import type { ServiceNode } from '../../common/service-node.js';

interface Known {
  readonly stamp: string;
  readonly node: ServiceNode | undefined;
}

/**
 * What the rows of one watch were read as. An answer has all rows of a name whenever one of them changes, and to read the tags of thousands again each time would
 * keep a process busy with nothing else. Consul numbers each change of a row, so that equal numbers mean an equal row.
 */
export class RowMemo {
  private known = new Map<string, Known>();
  private next = new Map<string, Known>();

  /** Rows without numbers, which other servers may send, are read each time. */
  read(entry: ConsulHealthEntry, decode: () => ServiceNode | undefined): ServiceNode | undefined {
    const { Node, Service, Checks } = entry;
    if (Service?.ID === undefined || Service.ModifyIndex === undefined || Node?.ModifyIndex === undefined) return decode();
    // The state of checks tells which of two weights counts.
    const stamp = `${Service.ModifyIndex} ${Node.ModifyIndex} ${Checks?.map(({ Status }) => Status).join()}`;
    const id = `${Service.ID} ${Node.Node}`;
    const before = this.known.get(id);
    const row = before?.stamp === stamp ? before : { stamp, node: decode() };
    this.next.set(id, row);
    return row.node;
  }

  /** An answer has been read: what it did not have is forgotten. */
  turn(): void {
    this.known = this.next;
    this.next = new Map();
  }

  /** Consul may have lost its state, and count anew. */
  clear(): void {
    this.known.clear();
  }
}
