/** Why a connection ended, for logs, hooks and counters. @plugin */
export type CloseReason =
  | 'client' // it closed, or said goodbye
  | 'lost' // the socket broke
  | 'protocol' // it sent what its protocol forbids
  | 'timeout' // silent for longer than it may be
  | 'refused' // not let in
  | 'limit' // more than it may send
  | 'slow' // does not read what it is sent
  | 'displaced' // its user or client id came in elsewhere
  | 'kicked' // a backend closed it
  | 'drain'; // this gate stops

/** Who is at the other end. @plugin */
export interface RemotePeer {
  /** Address without port; of the client, also behind a trusted proxy. */
  readonly address: string;
  /** Undefined behind a proxy. */
  readonly port: number | undefined;
  /** TLS up to this process. */
  readonly secure: boolean;
  /** Of the WebSocket's upgrade request, lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Common name of a verified client certificate. */
  readonly certificate?: { readonly commonName: string; readonly fingerprint256: string };
}

/**
 * Bytes both ways, whatever carries them: TCP, TLS, WebSocket messages. Chunks have no meaning; agents cut them into packets.
 * @plugin
 */
export interface ByteConnection {
  /** As sessions tell it: mqant's two words. */
  readonly network: 'tcp' | 'websocket';
  readonly remote: RemotePeer;
  /** Subprotocol of a WebSocket. */
  readonly subprotocol?: string;
  /** Handed over and not yet taken by the operating system. */
  readonly queuedBytes: number;
  readonly isOpen: boolean;
  /** Once, before any data: what to do with it, and with the end. `lost` is an end without a goodbye. */
  listen(onData: (chunk: Uint8Array) => void, onEnd: (reason: 'client' | 'lost') => void): void;
  /** Never waits and never throws; after the end it does nothing. */
  write(bytes: Uint8Array): void;
  /** No more data until {@link resume}: the peer's own buffers fill. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes; a peer that does not read is cut off soon. */
  end(reason: CloseReason): void;
  /** Closes at once. */
  destroy(): void;
}
