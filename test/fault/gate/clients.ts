import mqtt, { type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';
import { connect, type ConnectOptions, type GateClient, type WebSocketClass } from '../../../lib/client/index.js';

/** A push as a client got it. */
export interface Heard {
  readonly n: string;
  /** MQTT packet identifier; unknown to the SDK's users. */
  readonly id?: number;
  readonly dup?: boolean;
}

/** How a request ended: undefined is well, else the error's code and words. */
export interface Asked {
  readonly at: number;
  readonly ms: number;
  readonly node?: string;
  readonly gate?: string;
  readonly error?: string;
}

/** A client that comes back by itself, and what it was told. */
export interface TestClient {
  readonly user: string;
  /** Pushes on `inbox`, in order. */
  readonly heard: Heard[];
  /** Whether the session went on, for each connect. */
  readonly connects: boolean[];
  close(): Promise<void>;
}

export interface SdkClient extends TestClient {
  readonly client: GateClient;
  readonly states: string[];
}

export interface MqttTestClient extends TestClient {
  readonly client: MqttClient;
}

export async function sdkClient(port: number, user: string, options: Partial<ConnectOptions> = {}): Promise<SdkClient> {
  const heard: Heard[] = [];
  const connects: boolean[] = [];
  const states: string[] = [];
  let isNew = true;
  const client = await connect({
    url: `ws://127.0.0.1:${port}`,
    WebSocket: WebSocket as unknown as WebSocketClass,
    username: user,
    clientId: user,
    maxRetryMs: 1000,
    ...options,
    onState: (state) => {
      states.push(state);
      if (state === 'connected' && !isNew) connects.push(client.resumed);
    },
  });
  isNew = false;
  connects.push(client.resumed);
  client.on('inbox', (body) => heard.push(body as Heard));
  return { user, heard, connects, states, client, close: async () => client.close() };
}

export async function mqttClient(port: number, user: string, clientId = user): Promise<MqttTestClient> {
  const heard: Heard[] = [];
  const connects: boolean[] = [];
  const client = mqtt.connect({ host: '127.0.0.1', port, protocolVersion: 4, clean: false, reconnectPeriod: 200, username: user, clientId });
  client.on('connect', ({ sessionPresent }) => connects.push(sessionPresent));
  client.on('error', () => {});
  client.on('message', (topic, payload, packet) => {
    if (topic === 'inbox') heard.push({ n: (JSON.parse(String(payload)) as Heard).n, id: packet.messageId!, dup: packet.dup });
  });
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return { user, heard, connects, client, close: () => client.endAsync(true) };
}

/** Requests of one client, one after the other, until it is told to end, or the client is closed. */
export class Asking {
  readonly records: Asked[] = [];
  private isOver = false;
  private readonly done: Promise<void>;

  constructor(
    private readonly client: GateClient,
    private readonly pauseMs = 10,
  ) {
    this.done = this.run();
  }

  async end(): Promise<Asked[]> {
    this.isOver = true;
    await this.done;
    return this.records;
  }

  private async run(): Promise<void> {
    // A test that failed has closed it.
    while (!this.isOver && this.client.state !== 'closed') {
      const at = performance.now();
      try {
        const { node, gate } = await this.client.request<{ node: string; gate: string }>('hall/HD_where');
        this.records.push({ at, ms: performance.now() - at, node, gate });
      } catch (error) {
        const { code, message } = error as Error & { code?: string };
        this.records.push({ at, ms: performance.now() - at, error: `${code}: ${message}` });
      }
      await new Promise((resolve) => setTimeout(resolve, this.pauseMs));
    }
  }
}
