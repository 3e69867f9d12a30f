import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { configFolder } from './docker-config.ts';

/** A builder of buildx, as buildx stores it (docker/buildx store/nodegroup.go). */
export interface BuildxInstance {
  readonly Name: string;
  /** `docker`, `docker-container`, `kubernetes`, `remote`. */
  readonly Driver: string;
  readonly Nodes: readonly BuildxNode[];
}

export interface BuildxNode {
  readonly Name: string;
  readonly Endpoint: string;
  /** The platforms that the user chose for the node. */
  readonly Platforms?: readonly BuildxPlatform[] | null;
}

interface BuildxPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** Returns a builder of buildx by its name; undefined if there is none. @throws TasksError exit 3 if it cannot be read */
export function readInstance(name: string, environment: Environment): BuildxInstance | undefined {
  const file = path.join(buildxFolder(environment), 'instances', fileNameOf(name));
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new TasksError(3, `cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  const instance = parse(text);
  if (instance !== undefined) return instance;
  throw new TasksError(3, `${file} is not a builder of buildx`, {
    hint: `remove and create it again: docker buildx rm ${name}`,
  });
}

/**
 * Writes a folder in which buildx finds a builder with one node alone: `dial-stdio` takes the first node that fits, and another one if
 * that fails. Returns its path, and a function that removes it.
 */
export function writeInstance(
  instance: BuildxInstance,
  node: BuildxNode,
): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'tasks-builder-'));
  mkdirSync(path.join(folder, 'instances'));
  const file = path.join(folder, 'instances', fileNameOf(instance.Name));
  // It may contain a configuration of the node with secrets.
  writeFileSync(file, JSON.stringify({ ...instance, Nodes: [node] }), { mode: 0o600 });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** docker/buildx util/confutil/config.go */
function buildxFolder(environment: Environment): string {
  return environment.BUILDX_CONFIG || path.join(configFolder(environment), 'buildx');
}

/** docker/buildx store/util.go: case does not count. */
function fileNameOf(name: string): string {
  return name.toLowerCase();
}

function parse(text: string): BuildxInstance | undefined {
  try {
    const found = JSON.parse(text) as Partial<BuildxInstance> | null;
    const isNode = (node: Partial<BuildxNode> | null): boolean =>
      typeof node?.Name === 'string' && typeof node.Endpoint === 'string';
    const isInstance =
      typeof found?.Name === 'string' &&
      typeof found.Driver === 'string' &&
      Array.isArray(found.Nodes) &&
      found.Nodes.length > 0 &&
      found.Nodes.every(isNode);
    return isInstance ? (found as BuildxInstance) : undefined;
  } catch {
    return undefined;
  }
}
