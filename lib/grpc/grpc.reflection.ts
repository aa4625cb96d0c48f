import type { Server, ServerDuplexStream } from '@grpc/grpc-js';
import { ByteReader } from '../rpc/byte-reader.js';
import { Descriptors } from './descriptors.js';
import { eachField, messageBytes, putBytes, putMessage, putText, restBytes, restText, VARINT } from './proto-fields.js';

/** grpc/reflection/v1/reflection.proto; v1alpha has the same messages. */
const SERVICES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

const REQUEST = { fileByName: 3, fileOfSymbol: 4, fileOfExtension: 5, extensionNumbers: 6, list: 7 } as const;
const RESPONSE = { host: 1, request: 2, files: 4, numbers: 5, services: 6, error: 7 } as const;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

type Call = ServerDuplexStream<Buffer, Buffer>;

/** Tells clients such as grpcurl what the server serves. */
export class GrpcReflection {
  private readonly descriptors: Descriptors;
  private readonly open = new Set<Call>();

  /**
   * @param files serialized FileDescriptorProtos
   * @param services full names of what is served
   */
  constructor(
    files: readonly Uint8Array[],
    private readonly services: readonly string[],
  ) {
    this.descriptors = new Descriptors(files);
  }

  addTo(server: Server): void {
    const same = (bytes: Buffer): Buffer => bytes;
    for (const service of SERVICES) server.register(`/${service}/ServerReflectionInfo`, (call: Call) => this.serve(call), same, same, 'bidi');
  }

  /** Clients keep these calls open for as long as they like; the stop of the server must not wait for them. */
  close(): void {
    for (const call of this.open) call.end();
    this.open.clear();
  }

  private serve(call: Call): void {
    this.open.add(call);
    call.on('cancelled', () => this.open.delete(call));
    call.on('end', () => call.end());
    call.on('data', (request: Buffer) => {
      // Who asks without reading is read no further.
      if (call.write(this.answer(request))) return;
      call.pause();
      call.once('drain', () => call.resume());
    });
  }

  private answer(request: Buffer): Buffer {
    let host = '';
    let content: ReplyContent = failed(UNIMPLEMENTED, 'the request asks for nothing that is known here');
    try {
      eachField(new ByteReader(request), (field, _type, value) => {
        if (field === 1) host = restText(value);
        else content = this.contentOf(field, restBytes(value)) ?? content;
      });
    } catch {
      content = failed(3, 'the request cannot be read');
    }
    return messageBytes((writer) => {
      putText(writer, RESPONSE.host, host);
      putBytes(writer, RESPONSE.request, request);
      putBytes(writer, content.field, content.bytes);
    });
  }

  private contentOf(field: number, value: Uint8Array): ReplyContent | undefined {
    const name = Buffer.from(value).toString();
    const { symbols, extensions } = this.descriptors;
    switch (field) {
      case REQUEST.list:
        return { field: RESPONSE.services, bytes: messageBytes((writer) => [...this.services, ...SERVICES].forEach((service) => putMessage(writer, 1, (entry) => putText(entry, 1, service)))) };
      case REQUEST.fileByName:
        return this.files(name, `file '${name}'`);
      case REQUEST.fileOfSymbol:
        return this.files(symbols.get(name), `symbol '${name}'`);
      case REQUEST.fileOfExtension: {
        const { type, number } = extensionOf(value);
        return this.files(extensions.get(type)?.get(number), `extension ${number} of '${type}'`);
      }
      case REQUEST.extensionNumbers:
        return symbols.has(name) ? numbers(name, [...(extensions.get(name)?.keys() ?? [])]) : failed(NOT_FOUND, `there is no type '${name}'`);
      default:
        return undefined;
    }
  }

  private files(file: string | undefined, what: string): ReplyContent {
    const found = file === undefined ? [] : this.descriptors.closure(file);
    if (found.length === 0) return failed(NOT_FOUND, `there is no ${what}; services of generated code have no descriptors to show`);
    return { field: RESPONSE.files, bytes: messageBytes((writer) => found.forEach(({ bytes }) => putBytes(writer, 1, bytes))) };
  }
}

/** One of what a response can hold. */
interface ReplyContent {
  readonly field: number;
  readonly bytes: Buffer;
}

/** ErrorResponse { int32 error_code = 1; string error_message = 2; } */
function failed(code: number, message: string): ReplyContent {
  return {
    field: RESPONSE.error,
    bytes: messageBytes((writer) => {
      writer.varint(8 + VARINT);
      writer.varint(code);
      putText(writer, 2, message.slice(0, 500));
    }),
  };
}

/** ExtensionNumberResponse { string base_type_name = 1; repeated int32 extension_number = 2; } */
function numbers(type: string, list: readonly number[]): ReplyContent {
  return {
    field: RESPONSE.numbers,
    bytes: messageBytes((writer) => {
      putText(writer, 1, type);
      putMessage(writer, 2, (packed) => list.forEach((number) => packed.varint(number)));
    }),
  };
}

/** ExtensionRequest { string containing_type = 1; int32 extension_number = 2; } */
function extensionOf(bytes: Uint8Array): { type: string; number: number } {
  let type = '';
  let number = 0;
  eachField(new ByteReader(bytes), (field, wire, value) => {
    if (field === 1) type = restText(value);
    else if (field === 2 && wire === VARINT) number = value.varint();
  });
  return { type, number };
}
