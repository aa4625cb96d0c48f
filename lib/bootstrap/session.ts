import { SessionParam } from '../metadata/params.decorator.js';
import type { GateSession } from '../rpc/gate-session.js';

/**
 * The parameter gets the session of the client that a gate called for (mqant's `gate.Session`): `hdSay(@Session() session: Session, message: Message)`.
 * On the wires it is an argument, at the position of the parameter. A typed client gives on the session of the call it is used in; its callers leave it out.
 * @public
 */
export function Session(): ParameterDecorator {
  return SessionParam();
}

/** Type of a parameter with `@Session()`. @public */
export type Session = GateSession;
