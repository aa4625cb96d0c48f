/** How to fork a process that may open so many files: Node raises its soft limit to the hard one, which only a shell can raise, and only with the right to. */
export function withOpenFiles(count: number, execArgv: readonly string[]): { execPath: string; execArgv: string[] } {
  const isEnough = `[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge ${count} ]`;
  const complaint = `echo "this test needs ${count} open files in a process; the hard limit is $(ulimit -Hn), and this user may not raise it" >&2; exit 77`;
  return { execPath: '/bin/sh', execArgv: ['-c', `${isEnough} || ulimit -n ${count} || { ${complaint}; }; exec "$0" "$@"`, process.execPath, ...execArgv] };
}
