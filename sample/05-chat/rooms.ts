import { Handler, RpcModule, Session } from 'anthill';
import { Gates, InjectGates } from 'anthill/gate';
import { HttpRoute } from 'anthill/http';

/** A line of a room. */
export interface Line {
  readonly from: string;
  readonly text: string;
  /** Unix milliseconds. */
  readonly at: number;
}

const MAX_TEXT = 500;
const MAX_ROOMS = 1000;
const REMEMBERED = 50;

/** Rooms: who enters hears what is said from then on, and what was said last. */
@RpcModule({ type: 'rooms', defaults: { concurrent: true } })
export class Rooms {
  private readonly lines = new Map<string, readonly Line[]>();

  constructor(@InjectGates() private readonly gates: Gates) {}

  /** For clients of the gate: `HD_`. */
  @Handler('HD_enter')
  async enter(@Session() session: Session, body: { room: string }): Promise<readonly Line[]> {
    const room = nameOf(body.room);
    await this.gates.join(room, session.sessionId);
    return this.lines.get(room) ?? [];
  }

  @Handler('HD_say')
  async say(@Session() session: Session, body: { room: string; text: string }): Promise<number> {
    const room = nameOf(body.room);
    const line: Line = { from: session.userId, text: String(body.text).slice(0, MAX_TEXT), at: Date.now() };
    this.remember(room, line);
    return this.gates.pushToGroup(room, `room/${room}`, line, { qos: 1 });
  }

  /** For everybody, over HTTP: the rooms in which something was said, the liveliest of late first. */
  @Handler('/list', { public: true })
  @HttpRoute('GET', '/rooms', { args: [] })
  list(): readonly { readonly room: string; readonly lines: number }[] {
    return [...this.lines].map(([room, { length }]) => ({ room, lines: length })).reverse().slice(0, 10);
  }

  private remember(room: string, line: Line): void {
    const lines = this.lines.get(room) ?? [];
    this.lines.delete(room);
    if (this.lines.size >= MAX_ROOMS) this.lines.delete(this.lines.keys().next().value!);
    this.lines.set(room, [...lines, line].slice(-REMEMBERED));
  }
}

function nameOf(room: unknown): string {
  return typeof room === 'string' && /^[\w-]{1,30}$/.test(room) ? room : 'lobby';
}
