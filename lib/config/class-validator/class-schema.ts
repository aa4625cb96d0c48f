import type { ValidationError } from 'class-validator';
import { loadPeer } from '../../common/peer.js';
import type { StandardIssue, StandardSchema } from '../../common/standard-schema.js';
import { instanceMaker } from './class-transformer.js';

/** A class with decorators of class-validator as a Standard Schema. @throws BootError PEER_MISSING */
export async function classSchema<T extends object>(schema: new () => T): Promise<StandardSchema<unknown, T>> {
  const make = await instanceMaker(schema);
  const { validate } = await loadPeer('class-validator', `config by the class ${schema.name}`, () => import('class-validator'));
  return {
    '~standard': {
      version: 1,
      vendor: 'class-validator',
      async validate(given) {
        // What nobody has said anything about has the defaults of the class.
        const value = given ?? {};
        if (typeof value !== 'object' || Array.isArray(value)) return { issues: [{ message: `must be an object, as ${schema.name} is` }] };
        const instance = make(value);
        const errors = await validate(instance, { forbidUnknownValues: true });
        return errors.length === 0 ? { value: instance } : { issues: issuesOf(errors, []) };
      },
    },
  };
}

function issuesOf(errors: readonly ValidationError[], path: readonly string[]): StandardIssue[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const at = [...path, property];
    return [...Object.values(constraints).map((message) => ({ message, path: at })), ...issuesOf(children, at)];
  });
}
