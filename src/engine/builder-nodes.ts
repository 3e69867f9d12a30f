import type { OpenTransport, Transport } from '../buildkit/connect.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { Link } from './build.ts';
import { dialerOfBuilder, parseBuilder } from './builder-address.ts';
import { type BuildxInstance, type BuildxNode, readInstance, writeInstance } from './buildx-instance.ts';
import { configFolder, currentContext, hasContext } from './docker-config.ts';
import { openStdio } from './stdio-transport.ts';

/** A node of a builder, which may not be there. */
export interface NodeAddress {
  readonly name: string;
  /** Where it is, for people: `tcp://10.0.0.7:1234`. */
  readonly place: string;
  /** The platforms that the user chose for it, normalized; undefined: those that it has. */
  readonly platforms?: readonly string[];
  readonly open: OpenTransport;
  readonly link: Link;
}

/** `engine`: the builder is the docker engine itself. */
export type FoundBuilder = 'engine' | readonly NodeAddress[];

/**
 * Finds a builder by its name or address. Opens no connection. `origin` says where the text comes from.
 * @throws TasksError exit 2 if there is no such builder; exit 3 if its nodes cannot be read
 */
export function findBuilder(text: string, origin: string, environment: Environment): FoundBuilder {
  const address = parseBuilder(text, origin);
  if (address.kind !== 'buildx')
    return [{ name: text, place: text, ...dialerOfBuilder(address, environment) }];
  const { name } = address;
  const instance = readInstance(name, environment);
  if (instance === undefined) {
    requireEngineOf(name, origin, environment);
    return 'engine';
  }
  if (instance.Driver === 'docker') return 'engine';
  return instance.Nodes.map((node) => nodeOf(instance, node, environment));
}

/** A docker engine is the builder that has the name of its context; `default` is the current one. @throws TasksError exit 2 */
function requireEngineOf(name: string, origin: string, environment: Environment): void {
  const folder = configFolder(environment);
  if (name === 'default' || name === (environment.DOCKER_CONTEXT || currentContext(folder))) return;
  if (hasContext(folder, name))
    throw new TasksError(2, `${origin} is "${name}", the docker engine of another context`, {
      hint: `set DOCKER_CONTEXT=${name} instead: an engine needs no builder`,
    });
  throw new TasksError(2, `${origin} is "${name}", but there is no such builder`, {
    hint: 'run `docker buildx ls` to list the builders',
  });
}

function nodeOf(instance: BuildxInstance, node: BuildxNode, environment: Environment): NodeAddress {
  const platforms = (node.Platforms ?? []).map(({ os, architecture, variant }) =>
    normalizePlatform([os, architecture, variant].filter(Boolean).join('/')),
  );
  return {
    name: node.Name,
    place: node.Endpoint,
    ...(platforms.length === 0 ? {} : { platforms }),
    open: () => dialNode(instance, node, environment),
    link: 'program',
  };
}

/** The folder is needed until buildx has read it, which is before the node answers. */
function dialNode(instance: BuildxInstance, node: BuildxNode, environment: Environment): Transport {
  const { folder, remove } = writeInstance(instance, node);
  const client = environment.TASKS_DOCKER || 'docker';
  const args = ['buildx', 'dial-stdio', '--builder', instance.Name];
  return openStdio(client, args, { ...environment, BUILDX_CONFIG: folder }, undefined, remove);
}
