import { BootError } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import type { HandlerOptions } from '../common/handler-options.js';
import { isMarshalerClass, isProtoSchema } from '../common/value-types.js';
import type { RpcModuleOptions } from '../metadata/rpc-module.decorator.js';

const MODULE_OPTIONS = {
  type: true,
  version: true,
  id: true,
  ttlMs: true,
  intervalMs: true,
  registration: true,
  metadata: true,
  defaults: true,
  imports: true,
  providers: true,
  controllers: true,
  exports: true,
} as const satisfies Record<keyof RpcModuleOptions, true>;

const HANDLER_OPTIONS = {
  concurrent: true,
  lane: true,
  queue: true,
  abandonMs: true,
  args: true,
  returns: true,
  optional: true,
  public: true,
  errors: true,
} as const satisfies Record<keyof HandlerOptions, true>;

/** What a service name and a node id are made of: the wires and registries use `@`, `/` and `:` for themselves. */
const NAME = /^[A-Za-z0-9_.-]+$/;

/** All mistakes in the options of an `@RpcModule`. */
export function checkModuleOptions(className: string, options: Readonly<RpcModuleOptions>): BootError[] {
  const errors: BootError[] = [];
  const wrong = (what: string) => errors.push(new BootError('RPC_MODULE_OPTIONS', `@RpcModule of ${className}: ${what}`));
  unknownKeys(options, MODULE_OPTIONS, wrong);
  if (!isName(options.type)) wrong(`type ${shown(options.type)} is no service name; use letters, digits, "_", "." and "-"`);
  if (options.id !== undefined && !isName(options.id)) wrong(`id ${shown(options.id)} is no node id; use letters, digits, "_", "." and "-"`);
  if (options.version !== undefined && (typeof options.version !== 'string' || options.version === '')) wrong(`version ${shown(options.version)} must be a text such as '1.0.0'`);
  const { ttlMs, intervalMs } = options;
  for (const [name, value] of Object.entries({ ttlMs, intervalMs })) {
    if (value !== undefined && !(typeof value === 'number' && value > 0 && Number.isFinite(value))) wrong(`${name} ${shown(value)} must be a number of milliseconds above 0`);
  }
  if (typeof ttlMs === 'number' && typeof intervalMs === 'number' && intervalMs >= ttlMs) {
    wrong(`intervalMs ${intervalMs} is not below ttlMs ${ttlMs}: the registry would forget the node between two registrations`);
  }
  for (const [key, value] of Object.entries(options.metadata ?? {})) if (typeof value !== 'string') wrong(`metadata.${key} ${shown(value)} must be a string`);
  if (options.defaults) {
    const ofDefaults = (what: string) => wrong(`defaults: ${what}`);
    unknownKeys(options.defaults, HANDLER_OPTIONS, ofDefaults);
    ranges(options.defaults, ofDefaults);
  }
  return errors;
}

/** All mistakes in path and options of a `@Handler`. What options of several handlers say of one lane is the server's to judge. */
export function checkHandlerOptions(origin: string, path: unknown, options: HandlerOptions, decorator = '@Handler'): BootError[] {
  const errors: BootError[] = [];
  const wrong = (what: string) => errors.push(new BootError('HANDLER_OPTIONS', `${decorator} of ${origin}: ${what}`));
  if (typeof path !== 'string' || path === '') wrong(`the path ${shown(path)} must be a text that callers can name, such as '/say/hi'`);
  unknownKeys(options, HANDLER_OPTIONS, wrong);
  ranges(options, wrong);
  return errors;
}

/** Values that no handler can have. Plain JavaScript and casts bring them past the types. */
function ranges({ concurrent, lane, queue, abandonMs, args, returns, optional, public: isPublic }: HandlerOptions, wrong: (what: string) => void): void {
  if (concurrent !== undefined && typeof concurrent !== 'boolean' && !(Number.isInteger(concurrent) && concurrent >= 1)) wrong(`concurrent ${shown(concurrent)} must be true, false or a whole number from 1`);
  if (lane !== undefined && (typeof lane !== 'string' || lane === '')) wrong(`lane ${shown(lane)} must be a name, or 'handler'`);
  if (queue !== undefined && !(typeof queue === 'number' && queue >= 0)) wrong(`queue ${shown(queue)} must be a whole number from 0`);
  if (abandonMs !== undefined && !(typeof abandonMs === 'number' && abandonMs >= 0)) wrong(`abandonMs ${shown(abandonMs)} must be a number of milliseconds from 0, or Infinity`);
  if (optional !== undefined && !(Number.isInteger(optional) && optional >= 0)) wrong(`optional ${shown(optional)} must be the number of trailing arguments that may be left out`);
  if (isPublic !== undefined && typeof isPublic !== 'boolean') wrong(`public ${shown(isPublic)} must be true or false`);
  if (args !== undefined && !Array.isArray(args)) wrong(`args ${shown(args)} must be a list of types, one for each argument`);
  for (const type of [...(Array.isArray(args) ? (args as readonly unknown[]) : []), returns]) {
    if (type !== undefined && typeof type !== 'string' && !isMarshalerClass(type) && !isProtoSchema(type)) wrong(`${shown(type)} is no type of the wire; give a name such as 'long', a class with marshal and unmarshal, or a protobuf type`);
  }
}

function unknownKeys(options: object, known: Record<string, true>, wrong: (what: string) => void): void {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(known, key)) wrong(`there is no option "${key}"${didYouMean(key, Object.keys(known))}; the options are ${Object.keys(known).join(', ')}`);
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
