import { BootError, bootErrors } from '../common/boot-error.js';
import { didYouMean } from '../common/did-you-mean.js';
import type { AppOptions } from './app-options.js';

const APP_OPTIONS = {
  workDir: true,
  configFile: true,
  processId: true,
  logDir: true,
  biDir: true,
  processName: true,
  environment: true,
  rpc: true,
  advertise: true,
  health: true,
  registration: true,
  databases: true,
  killWaitMs: true,
  graceMs: true,
  log: true,
  grpc: true,
  http: true,
  redis: true,
  watchFile: true,
  transport: true,
  registry: true,
  selector: true,
  zone: true,
  discovery: true,
  codec: true,
  wires: true,
  filters: true,
  calls: true,
  interceptors: true,
  serverHooks: true,
  mapRoute: true,
  errors: true,
  hooks: true,
  parts: true,
  plugins: true,
  clients: true,
  settings: true,
  sources: true,
  flags: true,
  argv: true,
  env: true,
  logger: true,
  clock: true,
  random: true,
} as const satisfies Record<keyof AppOptions, true>;

/** Options that do not exist, at the edge where plain JavaScript and casts come in: a mistyped one would do nothing in silence. @throws BootError CONFIG_INVALID */
export function checkAppOptions(options: AppOptions): void {
  const known = Object.keys(APP_OPTIONS);
  const unknown = Object.keys(options).filter((key) => !Object.hasOwn(APP_OPTIONS, key));
  if (unknown.length > 0) throw bootErrors(unknown.map((key) => new BootError('CONFIG_INVALID', `option ${key} does not exist${didYouMean(key, known)}; the options are ${known.join(', ')}`)));
}
