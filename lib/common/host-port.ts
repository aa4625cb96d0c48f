/** `host:port`, with brackets around an IPv6 address. @plugin */
export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The two halves of {@link hostPort}, the host without brackets; undefined for what is not `host:port` with a port from 1 to 65535. @plugin */
export function parseHostPort(text: string): { host: string; port: number } | undefined {
  const found = /^(?:\[([^[\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (found === null || port < 1 || port > 65_535) return undefined;
  return { host: (found[1] ?? found[2])!, port };
}

const ANY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]']);

/** Where a server that listens on `bound` is reached: there, unless that is every address of the machine; then at `host`. @plugin */
export function advertisedHost(bound: string | undefined, host: string): string {
  return bound === undefined || ANY_HOST.has(bound) ? host : bound.replace(/^\[(.*)\]$/, '$1');
}
