import { type Address, type OpenTransport, openSocket } from '../buildkit/connect.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { Link } from './build.ts';
import { openStdio } from './stdio-transport.ts';

/** A BuildKit that is not that of a docker engine's API: a buildkitd at an address, or a builder of buildx by its name. */
export type BuilderAddress =
  | Address
  | {
      readonly kind: 'buildx';
      readonly name: string;
      /** The platform for which a node is chosen: buildx takes the first that has it. The default is the first node. */
      readonly platform?: string;
    };

/** How builders are reached. */
export interface BuilderDial {
  readonly open: OpenTransport;
  readonly link: Link;
}

/** The port that buildkitd's documentation uses. */
const defaultPort = 1234;

/**
 * Parses a builder: `tcp://host:port`, `unix:///path`, or the name of a buildx builder. `origin` says where the text comes from.
 * @throws TasksError exit 2
 */
export function parseBuilder(text: string, origin: string): BuilderAddress {
  if (text.startsWith('unix:///')) return { kind: 'unix', path: text.slice('unix://'.length) };
  const tcp = /^tcp:\/\/(\[[0-9a-f:.%]+\]|[\w.-]+)(?::(\d+))?\/?$/i.exec(text);
  if (tcp !== null) {
    const port = Number(tcp[2] ?? defaultPort);
    return { kind: 'tcp', host: tcp[1]!.replace(/^\[|\]$/g, ''), port };
  }
  // docker/buildx store/util.go has the rule for names.
  if (/^[a-z][\w.-]*$/i.test(text)) return { kind: 'buildx', name: text };
  throw new TasksError(2, `${origin} is not a builder: "${text}"`, {
    hint: 'expected tcp://host:port, unix:///path, or the name of a buildx builder (`docker buildx ls`)',
  });
}

/**
 * Returns how a builder is reached. Builders of buildx are reached through docker's client, `TASKS_DOCKER` or `docker`, which knows
 * their nodes and certificates (`docker buildx dial-stdio`, from buildx 0.13 on).
 */
export function dialerOfBuilder(address: BuilderAddress, environment: Environment): BuilderDial {
  if (address.kind !== 'buildx') return { open: () => openSocket(address), link: 'socket' };
  const client = environment.TASKS_DOCKER || 'docker';
  const platform = address.platform === undefined ? [] : ['--platform', address.platform];
  const args = ['buildx', 'dial-stdio', '--builder', address.name, ...platform];
  return { open: () => openStdio(client, args, environment), link: 'program' };
}
