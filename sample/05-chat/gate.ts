import { RpcModule } from 'anthill';
import { type Authenticate, GateModule } from 'anthill/gate';
import { nameIn } from './login.js';

/** Who has a token of ours is the user whose name is in it. */
const byToken: Authenticate = ({ password }) => {
  const userId = password === undefined ? undefined : nameIn(Buffer.from(password).toString());
  return userId === undefined ? undefined : { userId };
};

@RpcModule({
  type: 'Gate',
  imports: [GateModule.forRoot({ websocket: { port: Number(process.env['CHAT_GATE_PORT'] ?? 3653) }, auth: byToken, services: ['rooms'], onDuplicate: 'allow' })],
})
export class Gate {}
