import type { FindLogin } from '../engine/build-logins.ts';
import type { NodeAddress } from '../engine/builder-nodes.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { BuildRequest, ConnectedNode, Progress } from '../model/ports.ts';
import { registryHostOf } from '../model/reference.ts';

/** The builder that a run would use, and what its nodes need. */
export interface BuilderToCheck {
  readonly name: string;
  /** Where the name comes from, for messages. */
  readonly origin: string;
  /** A repository that images are pushed to; undefined if none is named. */
  readonly repository: string | undefined;
  readonly login: FindLogin;
}

/** A builder. `problem`: why it cannot be used. */
export interface BuilderFacts {
  readonly name: string;
  readonly repository: string | undefined;
  readonly problem?: string;
  readonly hint?: string | undefined;
  readonly nodes: readonly NodeFacts[];
}

/** A node of a builder. `problem`: why it does not answer. `pushProblem`: why it cannot push to the registry. */
export interface NodeFacts {
  readonly name: string;
  readonly place: string;
  readonly platforms: readonly string[];
  readonly problem?: string;
  readonly pushProblem?: string;
}

const silent: Progress = { step: () => undefined, line: () => undefined };

/**
 * Connects to all nodes of a builder, and lets each push a tiny image without a tag: only a push tells whether a node reaches the
 * registry under the same name. Undefined if the builder is the docker engine itself. @throws the signal's reason
 */
export async function checkBuilder(
  builder: BuilderToCheck,
  environment: Environment,
  signal: AbortSignal,
): Promise<BuilderFacts | undefined> {
  const { name, origin, repository } = builder;
  const { findBuilder } = await import('../engine/builder-nodes.ts');
  try {
    const found = findBuilder(name, origin, environment);
    if (found === 'engine') return undefined;
    const nodes = await Promise.all(found.map((address) => checkNode(address, builder, environment, signal)));
    return { name, repository, nodes };
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    return { name, repository, problem: error.message, hint: error.hint, nodes: [] };
  }
}

async function checkNode(
  address: NodeAddress,
  { name: builder, repository, login }: BuilderToCheck,
  environment: Environment,
  signal: AbortSignal,
): Promise<NodeFacts> {
  const { name, place } = address;
  const { connectNodes } = await import('../engine/connect-nodes.ts');
  const common = { builder, proxies: {}, login, environment, signal, onDead: () => undefined };
  try {
    const [node] = await connectNodes([address], common);
    const pushProblem = repository === undefined ? undefined : await tryPush(node!, repository, signal);
    return {
      name,
      place,
      platforms: node!.platforms,
      ...(pushProblem === undefined ? {} : { pushProblem }),
    };
  } catch (error) {
    signal.throwIfAborted();
    // The first line names the builder.
    return { name, place, platforms: [], problem: lastLine(error as Error) };
  }
}

function lastLine({ message }: Error): string {
  return message.split('\n').at(-1)!.trim();
}

async function tryPush(
  { builder, native }: Pick<ConnectedNode, 'builder' | 'native'>,
  repository: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const text = 'FROM scratch\nLABEL image-tasks.trial="1"\n';
  const request: BuildRequest = {
    task: 'doctor',
    context: [],
    dockerfile: {
      name: 'Dockerfile',
      text: Buffer.from(text),
      selectsFrontend: false,
      linesOf: () => undefined,
    },
    namedImages: {},
    platform: native,
    network: 'default',
    args: {},
    labels: {},
    noCache: false,
    secrets: {},
    registries: [registryHostOf(repository)].filter((host) => host !== undefined),
    pushTo: repository,
  };
  try {
    await builder.build(request, silent, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return (error as Error).message;
  }
}
