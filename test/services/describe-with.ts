import { describe, it } from 'node:test';
import { type Need, missing } from './find-server.js';

/**
 * A `describe` for tests that need real servers or Go. Without them the group is skipped with the reason, which the runner
 * counts and names before its closing line; under CI=true, where everything is fetched first, the absence is a failure.
 */
export function describeWith(name: string, needs: readonly Need[], body: () => void): void {
  const reasons = missing(needs);
  if (reasons.length === 0) {
    describe(name, body);
  } else if (process.env['CI'] === 'true') {
    describe(name, () => {
      it('has what it needs', () => {
        throw new Error(reasons.join('; '));
      });
    });
  } else {
    describe(name, { skip: reasons.join('; ') }, body);
  }
}
