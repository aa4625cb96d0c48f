import { currentContext } from '../../lib/common/call-context.js';
import { RpcError } from '../../lib/common/rpc-error.js';
import type { ValueType } from '../../lib/common/value-types.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { Trace } from '../../lib/rpc/trace.js';
import { Opaque, Req, ResultInfo, Rsp, type ResultMessage } from './beans.js';

/** The types of `/echo/X` and `/describe/X`, by X. `any` declares none. */
const TYPES: Readonly<Record<string, ValueType | undefined>> = {
  bool: 'bool',
  int: 'int',
  long: 'long',
  float: 'float',
  double: 'double',
  bytes: 'bytes',
  string: 'string',
  map: 'map',
  mapstr: 'mapstr',
  json: 'json',
  trace: 'trace',
  session: 'SESSION',
  pmarshal: 'ProtocolMarshal',
  proto: ResultInfo,
  marshal: Req,
  any: undefined,
};

/** What arrived, so that Go can read it. */
function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString('hex')}`;
  if (value instanceof Req) return `Req:${value.id}`;
  if (value instanceof Trace) return `Trace:${value.trace},${value.span}`;
  if (value instanceof Opaque) return `${value.type}:${Buffer.from(value.bytes).toString('hex')}`;
  if (typeof value === 'object') return `object:${JSON.stringify(value)}`;
  return `${typeof value}:${Object.is(value, -0) ? '-0' : String(value)}`;
}

/** The counterpart of test/interop/go/cmd/mqant-service: what the Go caller calls. */
export class EchoHandlers {
  notes: string[] = [];

  @Handler('/say/hi', { concurrent: true })
  sayHi(name: string): string {
    return `hi ${name}`;
  }

  @Handler('/test/proto', { args: [ResultInfo], returns: ResultInfo })
  testProto(message: ResultMessage): ResultMessage {
    return { Error: `你说: ${message.Error}` };
  }

  @Handler('/test/marshal', { args: [Req] })
  testMarshal(req: Req): Rsp {
    return new Rsp(req.id);
  }

  @Handler('/mix', { args: ['bool', 'int', 'long', 'float', 'double', 'bytes', 'string', 'map', 'mapstr', 'null', ResultInfo, Req, 'trace'] })
  mix(...args: unknown[]): string[] {
    return args.map(describe);
  }

  @Handler('/undefined')
  nothing(): void {}

  @Handler('/fail')
  fail(text: string): never {
    throw new RpcError({ code: 'NOT_FOUND', reason: 'NO_SUCH_THING', message: text, details: { secret: true } });
  }

  @Handler('/crash')
  crash(): never {
    throw new Error('a secret of the implementation');
  }

  @Handler('/unsendable')
  unsendable(what: string): unknown {
    if (what === 'function') return () => 1;
    if (what === 'bigint') return 2n ** 64n;
    if (what === 'large') return 'x'.repeat(2_000_000);
    const cycle: Record<string, unknown> = {};
    return (cycle['self'] = cycle);
  }

  @Handler('/note')
  note(text: string): void {
    this.notes.push(text);
  }

  @Handler('/notes')
  takeNotes(): { notes: string[] } {
    return { notes: this.notes.splice(0) };
  }

  @Handler('/whoami', { concurrent: true })
  whoAmI(): string {
    return currentContext()!.nodeId;
  }

  @Handler('/caller', { concurrent: true })
  caller(): string {
    const { caller, wire } = currentContext()!;
    return `${caller} over ${wire}`;
  }
}

for (const [name, type] of Object.entries(TYPES)) {
  const methods = { [`echo_${name}`]: (value: unknown) => value, [`describe_${name}`]: describe };
  for (const [method, run] of Object.entries(methods)) {
    Object.defineProperty(EchoHandlers.prototype, method, { value: run, writable: true, configurable: true });
    const descriptor = Object.getOwnPropertyDescriptor(EchoHandlers.prototype, method)!;
    const returns = method.startsWith('echo_') ? type : undefined;
    Handler(`/${method.replace('_', '/')}`, { concurrent: true, args: [type], ...(returns !== undefined && { returns }) })(EchoHandlers.prototype, method, descriptor);
  }
}

@RpcModule({ type: 'tssvc', id: 'one', version: '1.0.0', metadata: { region: 'eu' } })
export class EchoOne extends EchoHandlers {}

@RpcModule({ type: 'tssvc', id: 'two', version: '2.0.0', metadata: { region: 'us' } })
export class EchoTwo extends EchoHandlers {}
