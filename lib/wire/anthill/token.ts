/** Tokens carry the remote they belong to: even ones are this wire's, see Transport.send. */
const REMOTES = 2 ** 18;
/** Messages to a remote are counted round: a token must stay a safe integer, however long the process lives. */
const SEQUENCES = 2 ** 32;

/** Of a message to a remote, for the transport to say that it reached nobody. */
export function tokenOf(remoteId: number, sequence: number): number {
  return (sequence * REMOTES + remoteId) * 2;
}

export function remoteOf(token: number): number {
  return (token / 2) % REMOTES;
}

export function nextSequence(sequence: number): number {
  return (sequence + 1) % SEQUENCES;
}

/** True when `sent` left before `token`, counted round. */
export function isOlder(sent: number | undefined, token: number): boolean {
  if (sent === undefined) return false;
  const age = (sequenceOf(token) - sequenceOf(sent) + SEQUENCES) % SEQUENCES;
  return age > 0 && age < SEQUENCES / 2;
}

function sequenceOf(token: number): number {
  return Math.floor(token / 2 / REMOTES);
}
