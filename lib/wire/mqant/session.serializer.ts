import { GateSession } from '../../rpc/gate-session.js';
import type { ValueSerializer } from '../../rpc/value-serializer.js';

/** mqant's type SESSION, which every gate registers there (gate/base/mqtt_gate.go). */
export const sessionSerializer: ValueSerializer = Object.freeze({
  name: 'SESSION',
  serialize: (value: unknown) => (value instanceof GateSession ? { type: 'SESSION', bytes: value.marshal() } : undefined),
  deserialize(_type: string, bytes: Uint8Array) {
    const session = new GateSession();
    session.unmarshal(bytes);
    return session;
  },
});
