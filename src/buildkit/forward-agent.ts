import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { MessageStream } from './grpc/messages.ts';
import { Code, GrpcError } from './grpc/status.ts';

/** The messages of SSH agents that are used here (IETF draft-ietf-sshm-ssh-agent, "Message numbers"). */
const Agent = { failure: 5, listKeys: 11, sign: 13 } as const;
/** What builds may ask for: BuildKit's own client allows the same (moby/buildkit session/sshforward/sshprovider). */
const allowed: readonly number[] = [Agent.listKeys, Agent.sign];
/** The length of a message is in its first four bytes. */
const prefixLength = 4;
/** OpenSSH's agent takes no longer messages. */
const maxLength = 256 << 10;
const refusal = Buffer.from([0, 0, 0, 1, Agent.failure]);

interface Bytes {
  readonly data: Uint8Array;
}

/**
 * Connects a build to the SSH agent at a socket until the build closes the connection. It can list keys and sign; other requests are
 * refused, because a build must not change the user's agent. @throws GrpcError if the agent cannot be reached or breaks off
 */
export async function forwardAgent(stream: MessageStream<Bytes, Bytes>, socketPath: string): Promise<void> {
  const agent = await connectAgent(socketPath);
  const replies = messagesIn(agent);
  const answer = async (request: Buffer): Promise<void> => {
    if (!allowed.includes(request[prefixLength] ?? 0)) return await stream.send({ data: refusal });
    agent.write(request);
    const { value: reply } = await replies.next();
    if (reply === undefined) throw new GrpcError(Code.unavailable, 'the SSH agent closed the connection');
    await stream.send({ data: reply });
  };
  let answers: Promise<void> = Promise.resolve();
  try {
    // An agent may ask its user, and a build that is canceled meanwhile must not wait for that.
    await new Promise<void>((resolve, reject) => {
      const listen = async (): Promise<void> => {
        for await (const request of messagesIn(dataOf(stream.receive()))) {
          answers = answers.then(() => answer(request));
          answers.catch(reject);
        }
        await answers;
      };
      listen().then(resolve, reject);
    });
  } finally {
    agent.destroy();
  }
}

async function connectAgent(socketPath: string): Promise<Socket> {
  const socket = connect(socketPath);
  try {
    await once(socket, 'connect');
  } catch (error) {
    throw new GrpcError(Code.unavailable, `cannot connect to the SSH agent: ${(error as Error).message}`);
  }
  // Whoever reads from it gets the error.
  socket.on('error', () => undefined);
  return socket;
}

async function* dataOf(messages: AsyncIterable<Bytes>): AsyncGenerator<Uint8Array> {
  for await (const { data } of messages) yield data;
}

/** Yields the messages of the agent protocol in a stream of bytes, with their length. */
async function* messagesIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    pending = Buffer.concat([pending, chunk]);
    for (let length = lengthOf(pending); pending.length >= length; length = lengthOf(pending)) {
      yield pending.subarray(0, length);
      pending = pending.subarray(length);
    }
  }
}

/** Returns the length of the first message, or of its prefix as long as that is not complete. */
function lengthOf(bytes: Buffer): number {
  const length = bytes.length < prefixLength ? 0 : bytes.readUInt32BE();
  if (length > maxLength)
    throw new GrpcError(Code.resourceExhausted, `an SSH agent message of ${length} bytes`);
  return prefixLength + length;
}
