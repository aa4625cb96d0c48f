import { BootError } from '../../common/boot-error.js';
import { messageOf } from '../../common/message-of.js';
import { driverCode, isConnectionError } from '../database-errors.js';
import { placeOf, type ResolvedDatabase } from '../database-options.js';

const DENIED: ReadonlySet<string> = new Set(['ER_ACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR', 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR', '28P01', '28000']);
const NO_DATABASE: ReadonlySet<string> = new Set(['ER_BAD_DB_ERROR', '3D000']);

/** The server may only be late; a wrong password stays wrong. */
export function isWorthAnotherTry(error: unknown): boolean {
  return isConnectionError(error) || /^no answer within/.test(messageOf(error));
}

/** What pg says without a code: of TLS, and of a login that cannot begin. */
const OF_LOGIN = /\b(SSL|TLS|certificate|SASL|SCRAM)\b/i;

/** The server, or the way to it, has said it; else it is a mistake in what runs there, such as a migration. */
export function isOfTheServer(error: unknown): boolean {
  return driverCode(error) !== undefined || isWorthAnotherTry(error) || OF_LOGIN.test(messageOf(error));
}

/** The start ends here: which database, where, why, what to try. */
export function cannotStart(settings: ResolvedDatabase, cause: unknown): BootError {
  return new BootError(
    'DATABASE_UNREACHABLE',
    `database '${settings.name}' (${placeOf(settings)}, ${settings.declared}) cannot be used: ${inWords(settings, cause)} (startup: 'retry' would let the app start without it, not ready until it is there)`,
    { cause },
  );
}

/** Why, and what to try. Never the password. */
export function inWords(settings: ResolvedDatabase, cause: unknown): string {
  const { host, port, username, database, password } = settings;
  const code = driverCode(cause) ?? '';
  const text = scrubbed(messageOf((cause as { driverError?: unknown } | undefined)?.driverError ?? cause), password);
  if (DENIED.has(code)) return `${text}; are user '${username ?? ''}' and its password right, and may it use '${database ?? ''}' from this host?`;
  if (/SASL|SCRAM/.test(text)) return `${text}; is there a password${username === undefined ? ', and a user' : ` for user '${username}'`}?`;
  if (OF_LOGIN.test(text) || code === 'HANDSHAKE_NO_SSL_SUPPORT') return `${text}; does the server speak TLS, and who signed its certificate? See ssl`;
  if (NO_DATABASE.has(code)) return `${text}; create the database, or correct its name`;
  if (code === 'ECONNREFUSED') return `${text || `connect ECONNREFUSED ${host}:${port}`}; is the server running, and are host and port right?`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `${text}; is the host right?`;
  if (code === 'ETIMEDOUT' || /timeout|no answer within/i.test(text)) return `${text}; is it the right host, and does a firewall let us through? Is the server overloaded?`;
  return text;
}

function scrubbed(text: string, password: string | undefined): string {
  return password === undefined || password === '' ? text : text.replaceAll(password, '***');
}
