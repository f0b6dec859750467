/** The health protocol of gRPC, `grpc.health.v1.Health/Check`. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import type { Checker, Target } from '../checker.js';
import { closeConnection, openConnection } from '../connection.js';
import { openSecure, type TlsTerms } from '../secure.js';

/** What to ask for. */
export interface GrpcSpec {
  /** Name of a gRPC service; empty for the server as a whole. */
  readonly service: string;
}

/** Bytes before a message: a flag for compression and the length. */
const PREFIX = 5;
/** `HealthCheckResponse.status`, field 1, varint. */
const STATUS_TAG = 0x08;
const SERVING = 1;
const STATES = ['unknown', 'serving', 'not serving', 'service unknown'];

/** The server says that it is serving. */
export const checkGrpc: Checker<GrpcSpec> = async (target, { service }, signal) => {
  const socket = openConnection(target, signal);
  return talk(
    target,
    service,
    socket,
    connect(authority('http', target), { createConnection: () => socket }),
  );
};

/** As {@link checkGrpc}, by TLS. */
export const checkGrpcs: Checker<GrpcSpec & TlsTerms> = async (target, spec, signal) => {
  const { below, secure } = await openSecure(target, spec, signal, ['h2']);
  const named = { ...target, address: spec.serverName ?? target.address };
  const session = connect(authority('https', named), { createConnection: () => secure });
  return talk(target, spec.service, below, session);
};

function authority(scheme: 'http' | 'https', { address, port }: Target): string {
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** @param below what is to be closed */
async function talk(
  target: Target,
  service: string,
  below: Socket,
  session: ClientHttp2Session,
): Promise<undefined> {
  try {
    const status = await ask(session, service);
    if (status !== SERVING) throw new Error(STATES[status] ?? `status ${status}`);
  } finally {
    session.on('error', () => {});
    session.destroy();
    closeConnection(below, target);
  }
}

async function ask(session: ClientHttp2Session, service: string): Promise<number> {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_TE]: 'trailers',
  });
  stream.end(requestMessage(service));
  const broken = new Promise<never>((_, reject) => session.once('error', reject));
  const { grpcStatus, body } = await Promise.race([answerOf(stream), broken]);
  if (grpcStatus !== '0') throw new Error(`gRPC status ${grpcStatus}`);
  if (body.length < PREFIX) throw new Error('an answer without a message');
  // a default value is left out of a message: status 0, unknown
  return body[PREFIX] === STATUS_TAG ? body[PREFIX + 1]! : 0;
}

/** `HealthCheckRequest` with its prefix: the name is field 1, a text. */
function requestMessage(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a, name.length), name]);
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function answerOf(stream: ClientHttp2Stream): Promise<{ grpcStatus: string; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    // in the trailers, or in the headers when there is nothing but a status
    let grpcStatus: string | undefined;
    const look = (headers: Readonly<Record<string, unknown>>): void => {
      const status = headers['grpc-status'];
      if (status !== undefined) grpcStatus = String(status);
      const http = headers[constants.HTTP2_HEADER_STATUS];
      if (http !== undefined && http !== 200) reject(new Error(`HTTP status ${String(http)}`));
    };
    stream.on('response', look);
    stream.on('trailers', look);
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.once('error', reject);
    stream.once('close', () =>
      grpcStatus === undefined
        ? reject(new Error('ended without a gRPC status'))
        : resolve({ grpcStatus, body: Buffer.concat(pieces) }),
    );
  });
}
