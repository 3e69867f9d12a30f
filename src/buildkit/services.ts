import { forwardAgent } from './forward-agent.ts';
import type { Metadata } from './grpc/metadata.ts';
import { answering, type Handler, streaming } from './grpc/server.ts';
import { Code, GrpcError } from './grpc/status.ts';
import { Health, Services } from './methods.ts';
import type { PacketStream } from './packets.ts';
import { HealthCheckResponse_ServingStatus as ServingStatus } from './proto/services_pb.js';

/** A user name and a password for a registry. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** What a build may ask its client for. What is undefined is not offered. */
export interface BuildServices {
  /** Sends the folder that the headers name. @throws GrpcError `notFound` for a folder that the build may not read */
  readonly sendFiles?: ((stream: PacketStream, headers: Metadata) => Promise<void>) | undefined;
  /** Receives the files of the local exporter. */
  readonly receiveFiles?: ((stream: PacketStream, headers: Metadata) => Promise<void>) | undefined;
  /** Returns the value of a secret; undefined if the build has none with this ID. */
  readonly secret?: ((id: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>) | undefined;
  /** The sockets of SSH agents, by ID. */
  readonly sshSockets?: Readonly<Record<string, string>> | undefined;
  /**
   * Returns the login for a registry's host, which is `registry-1.docker.io` for Docker Hub; undefined if there is none. An error
   * fails the build with its message.
   */
  readonly login?:
    | ((host: string) => RegistryLogin | undefined | Promise<RegistryLogin | undefined>)
    | undefined;
}

/**
 * Returns the handlers of a session. The engine fetches registry tokens itself: it does so whenever a client answers
 * GetTokenAuthority with `unimplemented` (moby/buildkit session/auth/auth.go, util/resolver/authorizer.go).
 */
export function handlersOf({ sendFiles, receiveFiles, secret, sshSockets, login }: BuildServices): Handler[] {
  return [
    answering(Health.check, () => ({ status: ServingStatus.SERVING })),
    ...(sendFiles === undefined ? [] : [streaming(Services.readFiles, sendFiles)]),
    ...(receiveFiles === undefined ? [] : [streaming(Services.writeFiles, receiveFiles)]),
    ...(secret === undefined
      ? []
      : [answering(Services.getSecret, async ({ ID }) => ({ data: found(ID, await secret(ID)) }))]),
    ...(sshSockets === undefined ? [] : agentHandlers(sshSockets)),
    ...(login === undefined
      ? []
      : [
          answering(Services.credentials, async ({ Host }) => {
            const known = await login(Host);
            return known === undefined ? {} : { Username: known.username, Secret: known.password };
          }),
        ]),
  ];
}

/** An optional secret may be missing, which the engine decides by the status (session/secrets/secrets.go). */
function found(id: string, value: Uint8Array | undefined): Uint8Array {
  if (value === undefined) throw new GrpcError(Code.notFound, `secret ${id} not found`);
  return value;
}

/** The ID of an agent that a mount has no ID for (moby/buildkit session/sshforward/ssh.go). */
const defaultAgent = 'default';

function agentHandlers(sockets: Readonly<Record<string, string>>): Handler[] {
  const socketOf = (id = ''): string => {
    const name = id === '' ? defaultAgent : id;
    const socket = Object.hasOwn(sockets, name) ? sockets[name] : undefined;
    if (socket === undefined) throw new GrpcError(Code.notFound, `the build has no SSH agent ${name}`);
    return socket;
  };
  return [
    answering(Services.checkAgent, ({ ID }) => {
      socketOf(ID);
      return {};
    }),
    streaming(Services.forwardAgent, (stream, headers) =>
      forwardAgent(stream, socketOf(headers.get('buildkit.ssh.id')?.[0])),
    ),
  ];
}
