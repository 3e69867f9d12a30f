import { contextName } from '../model/reference.ts';
import { parseMount } from './mounts.ts';
import type { Dockerfile, Instruction } from './parse.ts';
import type { BuildParameters, Stages } from './stages.ts';

/**
 * Returns the named contexts that no stage or instruction of a file names, whether the target depends on it or not. Returns none
 * if a name is known only to the build.
 */
export function findUnusedContexts(
  { instructions }: Dockerfile,
  { all }: Stages,
  { contexts = [] }: BuildParameters,
): string[] {
  if (contexts.length === 0) return [];
  const names = [
    ...all.flatMap(({ name, base }) => (typeof base === 'number' ? [name ?? ''] : [name ?? '', base])),
    ...instructions.flatMap((each) => [
      ...originNames(each),
      ...(each.trigger ? originNames(each.trigger) : []),
    ]),
  ];
  if (names.includes(undefined)) return [];
  const used = new Set(names.map((name) => contextName(name!)));
  return contexts.filter((name) => !used.has(name));
}

/** Returns the names in `--from` and in mounts; undefined for one in a form that is not supported. */
function originNames({ flags }: Instruction): (string | undefined)[] {
  return flags.flatMap(({ name, value }) => {
    if (name === 'from') return [value];
    if (name !== 'mount') return [];
    const mount = parseMount(value);
    return [mount === undefined ? undefined : (mount.from ?? '')];
  });
}
