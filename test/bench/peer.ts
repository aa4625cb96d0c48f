/** Where the servers of a run are. */
export interface Site {
  /** `nats://host:port` */
  readonly nats: string;
  /** `host:port` */
  readonly consul: string;
}

/** The side that answers, in a process of its own. It gives back what it gets. */
export interface Callee {
  /** What the caller must know to find it; sent as JSON. */
  readonly handOver?: unknown;
  /** What does the work, when that is another process: its CPU time and memory are counted. */
  readonly pid?: number;
  close(): Promise<void>;
}

/** The side that calls, or one that drives a load of its own. */
export type Caller = EchoCaller | DrivingCaller;

export interface EchoCaller {
  /** One call that sends the text and waits for it to come back. */
  call(): Promise<unknown>;
  /** The text in a reply. */
  read(reply: unknown): unknown;
  close(): Promise<void>;
}

/** For loads that are no calls; it warms up and measures by itself. */
export interface DrivingCaller {
  drive(load: Load, onMeasuring: () => void): Promise<Measured>;
  close(): Promise<void>;
}

/** A library under measurement; each file of peers/ exports one as `peer`. */
export interface Peer {
  /** A service behind the callee, in a process of its own. */
  backend?(site: Site): Promise<Callee>;
  /** Missing: caller and callee are one process. */
  callee?(site: Site): Promise<Callee>;
  caller(site: Site, text: string, handOver: unknown, load: Load): Promise<Caller>;
}

/** Publishers and subscribers, one to one. */
export interface FlowLoad {
  readonly pairs: number;
  readonly qos: 0 | 1;
  /** Messages of a pair that are under way. */
  readonly window: number;
}

/** One publisher, many subscribers. */
export interface FanOutLoad {
  readonly clients: number;
}

/** How a pair of processes is driven. */
export interface Load {
  /** Calls under way at any time: each reply sets off the next call. */
  readonly inFlight: number;
  /** Bytes of the text. */
  readonly payload: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Return to the event loop after so many calls; for calls that never leave the process and would starve it. */
  readonly breatheEvery?: number;
  /** For callers that drive such a load. */
  readonly flow?: FlowLoad;
  readonly fanOut?: FanOutLoad;
}

/** What a caller process reports. */
export interface Measured {
  readonly calls: number;
  readonly seconds: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** From a worker process to the one that started it. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly handOver?: unknown; readonly pid?: number }
  | { readonly kind: 'heap'; readonly bytes: number }
  | { readonly kind: 'measuring' }
  | { readonly kind: 'measured'; readonly measured: Measured }
  | { readonly kind: 'failed'; readonly message: string };

/** On the command line of a worker, as JSON. */
export interface WorkerJob {
  readonly peer: string;
  readonly role: 'backend' | 'callee' | 'caller';
  readonly site: Site;
  readonly load: Load;
  readonly handOver?: unknown;
}
