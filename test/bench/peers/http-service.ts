import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';

/** What both HTTP servers call, in their own process. */
@RpcModule({ type: 'echo' })
export class HttpEcho {
  @Handler('/echo', { public: true, concurrent: true })
  echo(text: string): string {
    return text;
  }
}
