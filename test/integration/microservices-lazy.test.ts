import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

/** A process in which the optional packages cannot be resolved, as on a machine that has not installed them. */
async function without(packages: readonly string[], body: string): Promise<string> {
  const hook = `export async function resolve(specifier, context, next) {
    if (${JSON.stringify(packages)}.some((name) => specifier.startsWith(name))) throw new Error('asked for ' + specifier);
    return next(specifier, context);
  }`;
  const script = `import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
    ${body}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  return stdout.trim();
}

const lib = (file: string): string => new URL(`../../lib/${file}`, import.meta.url).href;
const optional = ['@nestjs/microservices', '@nestjs/testing', '@nats-io/', 'consul'];

describe('the main entry', () => {
  it('starts and stops an app without @nestjs/microservices and without vendors', async () => {
    const body = `
      const { RpcFactory } = await import('${lib('index.js')}');
      const app = await RpcFactory.create({ modules: [], env: {}, configFile: false, flags: false, logger: false, graceMs: 0 });
      await app.start();
      await app.stop();
      console.log(app.state);`;
    assert.equal(await without(optional, body), 'stopped');
  });

  it('is not what anthill/microservices is', async () => {
    const body = `await import('${lib('microservices/index.js')}').catch((error) => console.log(error.message));`;
    assert.equal(await without(optional, body), 'asked for @nestjs/microservices');
  });
});
