/** `anthill/client/tcp`: the client of a gate over TCP and TLS, in Node. */
export { tcp, type TcpOptions } from './tcp.transport.js';
