import { connect } from 'node:net';
import type { Transport } from '../buildkit/connect.ts';
import type { Endpoint } from './endpoint.ts';
import type { Dial } from './http-get.ts';

export function openTransport(endpoint: Endpoint, dial: Dial): Transport {
  if (endpoint.kind === 'unix') return connect(endpoint.path);
  if (endpoint.kind === 'tcp') return connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
  const stream = dial();
  let [bytesRead, bytesWritten] = [0, 0];
  const push = stream.push.bind(stream);
  stream.push = (data: Buffer | null) => {
    bytesRead += data?.length ?? 0;
    return push(data);
  };
  const write = stream._write.bind(stream);
  stream._write = (data: Buffer, encoding, done) => {
    bytesWritten += data.length;
    write(data, encoding, done);
  };
  return Object.defineProperties(stream, {
    bytesRead: { get: () => bytesRead },
    bytesWritten: { get: () => bytesWritten },
  }) as Transport;
}
