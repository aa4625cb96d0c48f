import type { NodeFilter } from '../common/selection.js';
import { NODE_META } from '../common/service-node.js';

/** The wire on which a call can be marked as one from outside. */
const NATIVE = 'anthill/1';

/** Leaves out nodes that would not notice that a call comes from outside: on mqant's wire no mark can travel. */
export const canTellOutside: NodeFilter = Object.assign((node: Parameters<NodeFilter>[0]) => (node.metadata[NODE_META.wires] ?? '').split(',').includes(NATIVE), { key: `gateway: ${NATIVE}` });
