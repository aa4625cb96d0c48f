import { RpcModule } from 'anthill';
import { type Authenticate, GateModule } from 'anthill/gate';

/** Everybody may choose a name; a real app checks a password or a token here. */
const byName: Authenticate = ({ username }) => (username !== undefined && /^[\p{L}\d ]{1,20}$/u.test(username) ? { userId: username } : undefined);

@RpcModule({
  type: 'Gate',
  imports: [GateModule.forRoot({ websocket: { port: Number(process.env['CHAT_GATE_PORT'] ?? 3653) }, auth: byName, services: ['rooms'], onDuplicate: 'allow' })],
})
export class Gate {}
