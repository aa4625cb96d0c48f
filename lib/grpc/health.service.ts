import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import type { Clock } from '../common/clock.js';
import { events } from '../common/events.js';
import { ByteReader } from '../rpc/byte-reader.js';
import { eachField, messageBytes, putMessage, putText, restText, VARINT } from './proto-fields.js';

/*
 * grpc.health.v1.Health (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). Its three messages have four fields together: they are
 * written by hand, so that health needs no proto loader.
 */

export const HEALTH_SERVICE = 'grpc.health.v1.Health';

/** HealthCheckResponse.ServingStatus */
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;
const NOT_FOUND = 5;

/** While somebody watches, readiness is looked at this often: parts that go down say so to nobody. */
const LOOK_MS = 500;

/** HealthCheckRequest. An object: the library takes an empty text for no message at all. */
interface Asked {
  readonly service: string;
}

type Check = ServerUnaryCall<Asked, number>;
type Watch = ServerWritableStream<Asked, number>;

/** Tells clients, and the checks of Consul, whether the app is ready: for the whole server (`''`), its gRPC services and its modules. */
export class HealthService {
  private readonly watches = new Map<Watch, number>();
  private cancelTimer: (() => void) | undefined;
  private readonly onState = (): void => this.look();

  constructor(
    /** Names that there are, besides `''`. */
    private readonly names: ReadonlySet<string>,
    private readonly isReady: () => boolean,
    private readonly clock: Clock,
    /** Modules that are served without a name of their own in the list: by the generic service. */
    private readonly isModule: (name: string) => boolean = () => false,
  ) {}

  addTo(server: Server): void {
    const check = (call: Check, callback: sendUnaryData<number>): void => {
      const { service } = call.request;
      const status = this.statusOf(service);
      if (status === SERVICE_UNKNOWN) callback({ code: NOT_FOUND, details: `this server has no service '${service.slice(0, 200)}'; it has: ${[...this.names].join(', ')}` });
      else callback(null, status);
    };
    const list = (_call: unknown, callback: sendUnaryData<ReadonlyMap<string, number>>): void => {
      callback(null, new Map(['', ...this.names].map((name) => [name, this.statusOf(name)])));
    };
    server.register(`/${HEALTH_SERVICE}/Check`, check, encodeStatus, decodeAsked, 'unary');
    server.register(`/${HEALTH_SERVICE}/Watch`, (call: Watch) => this.watch(call), encodeStatus, decodeAsked, 'serverStream');
    server.register(`/${HEALTH_SERVICE}/List`, list, encodeList, decodeAsked, 'unary');
    events.state.subscribe(this.onState);
  }

  /** Ends all watches. */
  close(): void {
    events.state.unsubscribe(this.onState);
    this.cancelTimer?.();
    for (const call of this.watches.keys()) call.end();
    this.watches.clear();
  }

  private statusOf(name: string): number {
    if (name !== '' && !this.names.has(name) && !this.isModule(name)) return SERVICE_UNKNOWN;
    return this.isReady() ? SERVING : NOT_SERVING;
  }

  private watch(call: Watch): void {
    const status = this.statusOf(call.request.service);
    this.watches.set(call, status);
    call.on('cancelled', () => {
      this.watches.delete(call);
    });
    call.write(status);
    this.arm();
  }

  /** Sends what has changed. */
  private look(): void {
    for (const [call, last] of this.watches) {
      const status = this.statusOf(call.request.service);
      if (status === last) continue;
      // A watcher that reads nothing gets the latest when it reads again.
      if (call.writableNeedDrain) continue;
      this.watches.set(call, status);
      call.write(status);
    }
  }

  private arm(): void {
    if (this.watches.size === 0 || this.cancelTimer) return;
    this.cancelTimer = this.clock.after(LOOK_MS, () => {
      this.cancelTimer = undefined;
      this.look();
      this.arm();
    });
  }
}

/** HealthCheckRequest { string service = 1; } @throws MalformedBytes */
function decodeAsked(bytes: Buffer): Asked {
  let service = '';
  eachField(new ByteReader(bytes), (field, _type, value) => {
    if (field === 1) service = restText(value);
  });
  return { service };
}

/** HealthCheckResponse { ServingStatus status = 1; } */
function encodeStatus(status: number): Buffer {
  return messageBytes((writer) => {
    writer.varint(8 + VARINT);
    writer.varint(status);
  });
}

/** HealthListResponse { map<string, HealthCheckResponse> statuses = 1; } */
function encodeList(statuses: ReadonlyMap<string, number>): Buffer {
  return messageBytes((writer) => {
    for (const [name, status] of statuses) {
      putMessage(writer, 1, (entry) => {
        putText(entry, 1, name);
        putMessage(entry, 2, (response) => response.raw(encodeStatus(status)));
      });
    }
  });
}
