import type { Clock } from '../common/clock.js';
import type { Logger } from '../common/logger.js';
import { RpcError } from '../common/rpc-error.js';
import type { Interceptor } from '../rpc/interceptor.js';
import type { ServedCall, ServerHooks } from '../rpc/server-hooks.js';

/** One line per call made (`Rpc.Log` of mqant). Arguments and results stay out: they may be secret. */
export function clientLog(logger: Logger, clock: Clock): Interceptor {
  return async (call, next) => {
    const from = clock.now();
    const fields = () => ({ target: call.node?.id ?? call.target, path: call.path, ms: Math.round(clock.now() - from) });
    try {
      const result = await next();
      logger.info('rpc client', fields());
      return result;
    } catch (error) {
      const code = RpcError.is(error) ? error.code : 'INTERNAL';
      logger.warn('rpc client failed', { ...fields(), code });
      throw error;
    }
  };
}

/** One line per call served, before the user's hooks. Hooks, and no interceptor: only they see refused calls, and the error that the caller gets. */
export function serverLog(logger: Logger, hooks: ServerHooks = {}): ServerHooks {
  const fields = ({ path, context }: ServedCall, ms: number) => ({ target: context.nodeId, path, ms: Math.round(ms) });
  return {
    ...(hooks.before && { before: (call) => hooks.before!(call) }),
    ...(hooks.unknown && { unknown: (path) => hooks.unknown!(path) }),
    complete(call, result, durationMs) {
      logger.info('rpc server', fields(call, durationMs));
      hooks.complete?.(call, result, durationMs);
    },
    error(call, error, durationMs) {
      logger.warn('rpc server failed', { ...fields(call, durationMs), code: error.code });
      hooks.error?.(call, error, durationMs);
    },
  };
}
