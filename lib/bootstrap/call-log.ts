import type { Clock } from '../common/clock.js';
import type { Logger } from '../common/logger.js';
import { RpcError } from '../common/rpc-error.js';
import type { Interceptor } from '../rpc/interceptor.js';

/** One line per call, on both sides (`Rpc.Log` of mqant). Arguments and results stay out: they may be secret. */
export function callLog(logger: Logger, clock: Clock): Interceptor {
  return async (call, next) => {
    const from = clock.now();
    try {
      const result = await next();
      logger.info(`rpc ${call.side}`, { target: call.node?.id ?? call.target, path: call.path, ms: Math.round(clock.now() - from) });
      return result;
    } catch (error) {
      const code = RpcError.is(error) ? error.code : 'INTERNAL';
      logger.warn(`rpc ${call.side} failed`, { target: call.node?.id ?? call.target, path: call.path, ms: Math.round(clock.now() - from), code });
      throw error;
    }
  };
}
