import { Handler, RpcModule, Session } from 'anthill';
import { Gates, InjectGates } from 'anthill/gate';

/** A line of a room. */
export interface Line {
  readonly from: string;
  readonly text: string;
}

const MAX_TEXT = 500;
const REMEMBERED = 50;

/** Rooms: who enters hears what is said from then on, and what was said last. */
@RpcModule({ type: 'rooms', defaults: { concurrent: true } })
export class Rooms {
  private readonly lines = new Map<string, Line[]>();

  constructor(@InjectGates() private readonly gates: Gates) {}

  @Handler('HD_enter')
  async enter(@Session() session: Session, body: { room: string }): Promise<readonly Line[]> {
    const room = nameOf(body.room);
    await this.gates.join(room, session.sessionId);
    return this.lines.get(room) ?? [];
  }

  @Handler('HD_say')
  async say(@Session() session: Session, body: { room: string; text: string }): Promise<number> {
    const room = nameOf(body.room);
    const line: Line = { from: session.userId, text: String(body.text).slice(0, MAX_TEXT) };
    const lines = this.lines.get(room) ?? [];
    this.lines.set(room, [...lines, line].slice(-REMEMBERED));
    return this.gates.pushToGroup(room, `room/${room}`, line, { qos: 1 });
  }
}

function nameOf(room: unknown): string {
  return typeof room === 'string' && /^[\w-]{1,30}$/.test(room) ? room : 'lobby';
}
