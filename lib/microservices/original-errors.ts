import { ForbiddenException, type ExecutionContext, type PreRequestHook } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { FORBIDDEN_MESSAGE, MESSAGES } from '@nestjs/core/internal';
import { RpcException } from '@nestjs/microservices';
import { catchError, throwError, type Observable } from 'rxjs';
import { RpcContext } from '../common/call-context.js';
import { rpcError } from '../common/error-catalog.js';

/**
 * Remembers what handlers really threw. Nest's default filter makes "Internal server error" of everything but RpcException, so that an
 * HttpException or the RpcError of a nested call would lose its code; filters of the user still see the original first, and win.
 */
export class OriginalErrors {
  private readonly originals = new WeakMap<RpcContext, { readonly error: unknown }>();
  private seen = false;

  constructor(private readonly config: ApplicationConfig) {
    const hook: PreRequestHook = (context, next) => this.watch(context, next);
    config.registerPreRequestHook(hook);
  }

  private watch(execution: ExecutionContext, next: () => Observable<unknown>): Observable<unknown> {
    const context: unknown = execution.switchToRpc().getContext();
    // Other transports of a hybrid app share the config.
    if (!(context instanceof RpcContext)) return next();
    this.seen = true;
    return next().pipe(
      catchError((error: unknown) => {
        this.originals.set(context, { error });
        return throwError(() => error);
      }),
    );
  }

  /** True when handlers run without the global guards and the other global enhancers that the app has. Ask after a call. */
  get globalsAreSkipped(): boolean {
    if (this.seen) return false;
    const { config } = this;
    return [
      config.getGlobalGuards(),
      config.getGlobalPipes(),
      config.getGlobalInterceptors(),
      config.getGlobalFilters(),
      config.getGlobalRequestGuards(),
      config.getGlobalRequestPipes(),
      config.getGlobalRequestInterceptors(),
      config.getGlobalRequestFilters(),
    ].some((list) => list.length > 0);
  }

  /** @param answer what Nest gave as error after filters @returns what to throw, in terms that the server maps to codes */
  errorOf(answer: unknown, context: RpcContext): unknown {
    if (answer instanceof Error) return answer;
    const original = this.originals.get(context);
    if (original !== undefined && isDefaultAnswer(answer, original.error)) return withCode(original.error, context.path);
    if (isUnknownError(answer)) return rpcError('HANDLER_FAILED', `${context.nodeId} ${context.path} failed; the log of its process has the cause`);
    return new RpcException(isStatusError(answer) && Object.keys(answer).length === 2 ? answer.message : (answer as string | object));
  }
}

/** Nest makes an RpcException without code of a guard's refusal. */
function withCode(error: unknown, path: string): unknown {
  if (error instanceof RpcException && error.getError() === FORBIDDEN_MESSAGE) return new ForbiddenException(`Forbidden resource: a guard of ${path} refused the call`);
  return error;
}

/** True when the answer is what Nest's default filter makes of the error: no filter of the user had a say. */
function isDefaultAnswer(answer: unknown, error: unknown): boolean {
  if (!(error instanceof RpcException)) return isUnknownError(answer);
  const payload = error.getError();
  return answer === payload || (isStatusError(answer) && answer.message === payload);
}

function isUnknownError(answer: unknown): boolean {
  return isStatusError(answer) && answer.message === MESSAGES.UNKNOWN_EXCEPTION_MESSAGE;
}

function isStatusError(answer: unknown): answer is { status: 'error'; message: string } {
  if (typeof answer !== 'object' || answer === null) return false;
  const { status, message } = answer as Record<string, unknown>;
  return status === 'error' && typeof message === 'string';
}
