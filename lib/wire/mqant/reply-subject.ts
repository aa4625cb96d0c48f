/** Long enough for every real one, NATS' own limit is 4 kB for the whole line. */
const MAX_LENGTH = 512;
/** White space and control characters would end the subject inside NATS' text protocol; `*` and `>` are wildcards. */
const FORBIDDEN = /[\s\u0000-\u001f\u007f*>]/;

/**
 * True for a subject that a reply may be sent to. It comes from whoever sent the request: it must not be able to smuggle commands into
 * our connection, nor to make us speak to the server's own services (`$SYS`, `$JS`).
 */
export function isReplySubject(subject: string): boolean {
  return subject.length > 0 && subject.length <= MAX_LENGTH && !subject.startsWith('$') && !FORBIDDEN.test(subject);
}
