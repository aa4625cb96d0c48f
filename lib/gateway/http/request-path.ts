import { badRequest, notFound } from './http-failure.js';

const UNFIT = /[/\\\u0000-\u001f\u007f]/;
const SERVICE = /^[A-Za-z0-9_.-]+$/;
const TARGET = /^[A-Za-z0-9_.-]+(?:@[A-Za-z0-9_.-]+)?$/;

/** What the default route makes of a path. */
export interface PathTarget {
  readonly target: string;
  /** Decoded, with a slash in front. */
  readonly rest: string;
  /** The whole path, decoded: the function id of mqant's gateway. */
  readonly whole: string;
}

/** Which services a path may name. */
export interface PathRules {
  /** Undefined: any. */
  readonly services: ReadonlySet<string> | undefined;
  /** `type@id` is allowed. */
  readonly nodes: boolean;
}

/**
 * Reads `/<service>/<path...>`. Each segment is decoded by itself: one that holds a slash, a dot segment or a control character is no path of ours,
 * whatever proxies before us made of it.
 * @throws HttpFailure
 */
export function readPath(path: string, { services, nodes }: PathRules): PathTarget {
  const [first = '', ...others] = decodedSegments(path);
  const type = first.split('@', 1)[0]!;
  if (first === '') throw notFound('a path is /<service>/<handler>');
  // Refused here, a name costs no question to the registry.
  if (!(nodes ? TARGET : SERVICE).test(first) || (services !== undefined && !services.has(type))) throw notFound(`no service '${shown(first)}' is served here`);
  return { target: first, rest: `/${others.join('/')}`, whole: `/${[first, ...others].join('/')}` };
}

/** Segments of a path, decoded. @throws HttpFailure */
export function decodedSegments(path: string): string[] {
  return (path.startsWith('/') ? path.slice(1) : path).split('/').map(decoded);
}

function decoded(segment: string): string {
  let text = segment;
  if (segment.includes('%')) {
    try {
      text = decodeURIComponent(segment);
    } catch {
      throw badRequest('PATH_MALFORMED', 'the path is not encoded as UTF-8');
    }
  }
  if (text === '.' || text === '..' || UNFIT.test(text)) throw badRequest('PATH_MALFORMED', 'the path has a dot segment, an encoded slash or a control character');
  return text;
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
