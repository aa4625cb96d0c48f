/**
 * Where a part stands in the start order; stop runs the other way round.
 * `probe` is what tells of the app: first up, last down; `registry` connects before all else and closes after it; `resource` are databases and brokers; `transport` listens before anything is advertised;
 * `ingress` (HTTP, gates) opens last and closes first.
 * @plugin
 */
export const PHASES = ['probe', 'registry', 'resource', 'transport', 'ingress'] as const;
/** One of {@link PHASES}. @plugin */
export type Phase = (typeof PHASES)[number];

/** A part's own word on its state. `down` of a required part makes the app unready. @plugin */
export interface HealthReport {
  status: 'up' | 'down';
  /** Why it is down, or what is not as it should be although it serves; for people, without secrets. */
  detail?: string;
}

/** A node about to be put in the registry. @plugin */
export interface NodeToAdvertise {
  /** Service name. */
  readonly type: string;
  /** Where others reach this process (config `advertise.host`): a name, or an address without brackets. */
  readonly host: string;
}

/**
 * Anything that starts and stops with the app. Register it as a provider under `APP_PART` or pass it to the app.
 * @plugin
 */
export interface AppPart {
  /** Shown in logs, in errors and in health. */
  readonly name: string;
  readonly phase: Phase;
  /** `signal` aborts when the app is stopped while starting. */
  start?(signal: AbortSignal): Promise<void> | void;
  /** `signal` aborts when the time for stopping is over. */
  stop?(signal: AbortSignal): Promise<void> | void;
  health?(): HealthReport;
  /**
   * More ways in to a node, put into its metadata: `{ [NODE_META.grpc]: hostPort(host, 8888) }`. Asked each time a node is about to be advertised,
   * when all parts of phase `transport` have started; `{}` for nodes that it does not serve. What the module's own metadata says of a key wins.
   */
  endpoints?(node: NodeToAdvertise): Readonly<Record<string, string | undefined>>;
}

/** How an app is. @public */
export interface AppHealth {
  readonly state: AppState;
  /** False while anything below is down, and before and after serving. */
  readonly ready: boolean;
  /**
   * Calls are answered: true from the moment on in which nodes are registered, while HTTP and gates still open; and whatever the registry says, which is not
   * needed for it. What checks of a registry ask for: between registration and `ready` they must not find a node unwell.
   */
  readonly serving: boolean;
  readonly parts: readonly ({ readonly name: string } & HealthReport)[];
}

/** States of an app, in order. `draining` still answers what is in flight. @public */
export type AppState = 'created' | 'starting' | 'ready' | 'draining' | 'stopped' | 'failed';
