import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Handler, RpcError, RpcModule } from 'anthill';
import { HttpRoute } from 'anthill/http';

/** Processes that share logins share this; else nobody's login outlives the process. */
const secret = process.env['CHAT_SECRET'] ?? randomBytes(32).toString('hex');

const sign = (name: string): string => createHmac('sha256', secret).update(name).digest('base64url');

/** Whose token it is; undefined for one that we did not make. */
export function nameIn(token: string): string | undefined {
  const dot = token.lastIndexOf('.');
  const [name, signature] = [token.slice(0, dot), Buffer.from(token.slice(dot + 1))];
  const wanted = Buffer.from(sign(name));
  return signature.length === wanted.length && timingSafeEqual(signature, wanted) ? name : undefined;
}

/** Names become tokens, with which the gate lets clients in. */
@RpcModule({ type: 'login' })
export class Login {
  /** Everybody may choose a name; a real app asks for a password here. */
  @Handler('/login', { public: true, concurrent: true })
  @HttpRoute('POST', '/login', { args: ['body.name'] })
  login(name: unknown): { readonly token: string; readonly gatePort: number } {
    if (typeof name !== 'string' || !/^[\p{L}\d ]{1,20}$/u.test(name)) throw new RpcError({ code: 'INVALID_ARGUMENT', reason: 'NAME', message: 'a name has 1 to 20 letters, digits or spaces' });
    return { token: `${name}.${sign(name)}`, gatePort: Number(process.env['CHAT_GATE_PORT'] ?? 3653) };
  }
}
