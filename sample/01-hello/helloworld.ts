import { Handler, RpcModule } from 'anthill';

@RpcModule({ type: 'helloworld', version: '1.0.0' })
export class HelloWorld {
  @Handler('/say/hi', { concurrent: true })
  sayHi(name: string): string {
    return `hi ${name}`;
  }
}
