import { fromBinary } from '@bufbuild/protobuf';
import { StatusSchema } from '../proto/rpc_status_pb.js';

/** The gRPC status codes that we send or compare (grpc/grpc doc/statuscodes.md). */
export const Code = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** A detail of an error. BuildKit's details are JSON. */
export interface ErrorDetail {
  /** The type's name, for example `github.com/moby/buildkit/errdefs.Source+json`. */
  readonly type: string;
  readonly value: Uint8Array;
}

/** A call that ended with a status other than OK. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: number;
  readonly details: readonly ErrorDetail[];

  constructor(code: number, message: string, details: readonly ErrorDetail[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** A call that ended without a status: the connection or the stream is lost. */
export class NoStatus extends GrpcError {
  /** Node gave up the connection, since it could not read what the peer sent. Node 22 says so on the stream first, Node 20 nowhere. */
  readonly isUnreadable: boolean;

  constructor(message: string, cause?: NodeJS.ErrnoException) {
    super(Code.unavailable, message);
    this.isUnreadable = cause?.code === 'ERR_HTTP2_ERROR';
  }
}

/** Response headers or trailers, as node:http2 delivers them. */
export type Headers = Readonly<Record<string, string | string[] | number | undefined>>;

/**
 * Returns the error that trailers report; undefined for OK. Trailers without a status are an error, too (grpc/grpc
 * doc/PROTOCOL-HTTP2.md, "Responses").
 */
export function statusOf(trailers: Headers): GrpcError | undefined {
  const code = trailers['grpc-status'];
  if (code === undefined) {
    const http = trailers[':status'] === undefined ? '' : ` (HTTP status ${trailers[':status']})`;
    return new NoStatus(`the call ended without a gRPC status${http}`);
  }
  if (Number(code) === Code.ok) return undefined;
  const message = decodeMessage(String(trailers['grpc-message'] ?? ''));
  return new GrpcError(
    Number.isNaN(Number(code)) ? Code.unknown : Number(code),
    message,
    detailsOf(trailers['grpc-status-details-bin']),
  );
}

/** A binary header is base64, with or without padding. Details that cannot be decoded must not hide the error itself. */
function detailsOf(header: Headers[string]): ErrorDetail[] {
  if (typeof header !== 'string') return [];
  try {
    const { details } = fromBinary(StatusSchema, Buffer.from(header, 'base64'));
    return details.map(({ typeUrl, value }) => ({ type: typeUrl, value }));
  } catch {
    return [];
  }
}

/** Decodes the header `grpc-message`: percent-encoded UTF-8. Invalid escapes stay as they are. */
function decodeMessage(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

/** Encodes the header `grpc-message`: everything but printable ASCII is percent-encoded. */
export function encodeMessage(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
}
