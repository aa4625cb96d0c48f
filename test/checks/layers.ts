/** One folder of lib/ in the layer table of DESIGN section 3. */
export interface Layer {
  readonly level: number;
  /** The folders it may import, besides itself. */
  readonly imports: readonly string[];
  /** `decorators`: only the named decorators of @nestjs/common, and its types. */
  readonly nest: 'no' | 'decorators' | 'yes';
}

const rpc = ['common', 'rpc'];
const glue = ['common', 'metadata', 'wiring', 'config'];
const doors = ['common', 'metadata', 'rpc', 'wiring'];

const lower: Readonly<Record<string, Layer>> = {
  common: { level: 0, imports: [], nest: 'no' },
  // Runs in browsers: it imports nothing at all.
  client: { level: 0, imports: [], nest: 'no' },
  metadata: { level: 1, imports: ['common'], nest: 'decorators' },
  rpc: { level: 1, imports: ['common'], nest: 'no' },
  backend: { level: 0, imports: ['common'], nest: 'no' },
  registry: { level: 1, imports: ['common', 'backend'], nest: 'no' },
  selector: { level: 2, imports: ['common', 'registry'], nest: 'no' },
  wire: { level: 2, imports: rpc, nest: 'no' },
  transport: { level: 2, imports: rpc, nest: 'no' },
  resilience: { level: 2, imports: rpc, nest: 'no' },
  observability: { level: 2, imports: rpc, nest: 'no' },
  wiring: { level: 2, imports: ['common', 'metadata'], nest: 'yes' },
  health: { level: 2, imports: ['common', 'metadata'], nest: 'yes' },
  config: { level: 2, imports: ['common', 'backend'], nest: 'no' },
};

const parts: Readonly<Record<string, Layer>> = {
  database: { level: 3, imports: glue, nest: 'yes' },
  redis: { level: 3, imports: glue, nest: 'yes' },
  grpc: { level: 3, imports: ['common', 'metadata', 'rpc', 'registry', 'selector', 'wiring'], nest: 'yes' },
  broker: { level: 3, imports: doors, nest: 'yes' },
  gateway: { level: 3, imports: doors, nest: 'yes' },
  microservices: { level: 3, imports: doors, nest: 'yes' },
  bootstrap: { level: 3, imports: Object.keys(lower), nest: 'yes' },
};

// The table says of these "what they show or drive": any layer below.
const below = [...Object.keys(lower), ...Object.keys(parts)];

/** The layer table. A new folder of lib/ is a new row, and a decision worth an ADR. */
export const layers: Readonly<Record<string, Layer>> = {
  ...lower,
  ...parts,
  dashboard: { level: 4, imports: below, nest: 'yes' },
  testing: { level: 4, imports: below, nest: 'yes' },
  cli: { level: 4, imports: below, nest: 'no' },
};

/** Decorators that metadata/ may build on. */
export const nestDecorators: ReadonlySet<string> = new Set([
  ...['Controller', 'Global', 'Inject', 'Injectable', 'Module', 'Optional', 'SetMetadata'],
  ...['applyDecorators', 'createParamDecorator', 'forwardRef'],
]);

/** Packages that may be imported wherever Nest may; the rest of @nestjs/* are vendors like others. */
export const nestPackages: ReadonlySet<string> = new Set(['@nestjs/common', '@nestjs/core', 'rxjs']);

/**
 * What the name of a file or folder must contain to import a vendor. A package that is not listed must appear by its own name,
 * or its scope; those in `dependencies` of package.json come with the library and are free.
 */
export const vendorWords: Readonly<Record<string, string>> = {
  '@nats-io/transport-node': 'nats',
  '@grpc/grpc-js': 'grpc',
  '@grpc/proto-loader': 'grpc',
  '@opentelemetry/api': 'opentelemetry',
  '@nestjs/platform-fastify': 'fastify',
  '@fastify/compress': 'fastify',
  '@fastify/rate-limit': 'fastify',
  ioredis: 'redis',
  etcd3: 'etcd',
  protobufjs: 'protobuf',
  'prom-client': 'prometheus',
  mysql2: 'mysql',
  'sql.js': 'sqljs',
};

/** The word for a package: from the table, else the last part of its name. */
export function vendorWord(packageName: string): string {
  return vendorWords[packageName] ?? packageName.replace(/^@[^/]*\//, '').toLowerCase();
}
