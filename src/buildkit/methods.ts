import type { DescMessage } from '@bufbuild/protobuf';
import type { Method } from './grpc/call.ts';
import {
  BytesMessageSchema,
  ListWorkersRequestSchema,
  ListWorkersResponseSchema,
  SolveRequestSchema,
  SolveResponseSchema,
  StatusRequestSchema,
} from './proto/control_pb.js';
import { StatusResponseSchema } from './proto/progress_pb.js';
import {
  CheckAgentRequestSchema,
  CheckAgentResponseSchema,
  CredentialsRequestSchema,
  CredentialsResponseSchema,
  GetSecretRequestSchema,
  GetSecretResponseSchema,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
} from './proto/services_pb.js';
import { PacketSchema } from './proto/transfer_pb.js';

function method<Request extends DescMessage, Response extends DescMessage>(
  path: string,
  request: Request,
  response: Response,
): Method<Request, Response> {
  return { path, request, response };
}

/** The engine's service (moby/buildkit api/services/control/control.proto). */
export const Control = {
  solve: method('/moby.buildkit.v1.Control/Solve', SolveRequestSchema, SolveResponseSchema),
  status: method('/moby.buildkit.v1.Control/Status', StatusRequestSchema, StatusResponseSchema),
  session: method('/moby.buildkit.v1.Control/Session', BytesMessageSchema, BytesMessageSchema),
  listWorkers: method(
    '/moby.buildkit.v1.Control/ListWorkers',
    ListWorkersRequestSchema,
    ListWorkersResponseSchema,
  ),
} as const;

/** grpc health/v1/health.proto, served by both sides. */
export const Health = {
  check: method('/grpc.health.v1.Health/Check', HealthCheckRequestSchema, HealthCheckResponseSchema),
} as const;

/** What the engine calls in a session of ours. */
export const Services = {
  /** moby/buildkit session/filesync/filesync.proto: the engine reads a folder of ours. */
  readFiles: method('/moby.filesync.v1.FileSync/DiffCopy', PacketSchema, PacketSchema),
  /** The same: the engine's local exporter writes its result. */
  writeFiles: method('/moby.filesync.v1.FileSend/DiffCopy', PacketSchema, PacketSchema),
  /** moby/buildkit session/secrets/secrets.proto. */
  getSecret: method(
    '/moby.buildkit.secrets.v1.Secrets/GetSecret',
    GetSecretRequestSchema,
    GetSecretResponseSchema,
  ),
  /** moby/buildkit session/sshforward/ssh.proto: whether there is an SSH agent with an ID. */
  checkAgent: method('/moby.sshforward.v1.SSH/CheckAgent', CheckAgentRequestSchema, CheckAgentResponseSchema),
  /** The same: a connection to the agent that the header `buildkit.ssh.id` names. */
  forwardAgent: method('/moby.sshforward.v1.SSH/ForwardAgent', BytesMessageSchema, BytesMessageSchema),
  /** moby/buildkit session/auth/auth.proto. */
  credentials: method(
    '/moby.filesync.v1.Auth/Credentials',
    CredentialsRequestSchema,
    CredentialsResponseSchema,
  ),
} as const;
