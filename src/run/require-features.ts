import { TasksError } from '../model/errors.ts';
import { type FrontendVersion, firstDockerWith } from '../model/frontend.ts';
import type { Observations, ObservedImage } from '../model/observed.ts';
import type { Engine, EngineAbilities } from '../model/ports.ts';
import type { ImageTask } from '../model/task.ts';
import { findMissingFeatures, type LackingFrontend } from '../observe/missing-features.ts';

/** Checks the Dockerfiles of these tasks. @throws TasksError exit 3 if one uses features that its frontend does not have */
export async function requireFeatures(
  tasks: readonly ImageTask[],
  observations: Observations,
  engine: Pick<Engine, 'abilities'>,
): Promise<void> {
  const images = tasks.flatMap(({ id, dockerfile }) => {
    const observed = observations.get(id);
    return observed?.kind !== 'image' || observed.features === undefined ? [] : [{ dockerfile, observed }];
  });
  if (images.length === 0) return;
  const abilities = await engine.abilities();
  const lacking = images.flatMap(({ dockerfile, observed }) => lackingIn(dockerfile, observed, abilities));
  if (lacking.length === 0) return;
  const places = lacking.flatMap((each) => placesOf(each, abilities));
  throw new TasksError(
    3,
    `some Dockerfiles use features that their frontend does not have\n${[...new Set(places)].join('\n')}`,
    { hint: hintFor(lacking) },
  );
}

interface Lacking extends LackingFrontend {
  readonly dockerfile: string;
}

function lackingIn(dockerfile: string, observed: ObservedImage, { frontend }: EngineAbilities): Lacking[] {
  const found = findMissingFeatures(observed, frontend);
  return found === undefined ? [] : [{ ...found, dockerfile }];
}

/** For example `  app/Dockerfile:4: a heredoc needs version 1.4 (docker 23 or newer), but docker 20.10.24 has 1.2`. */
function placesOf({ dockerfile, version, isSelected, missing }: Lacking, engine: EngineAbilities): string[] {
  const has = `${isSelected ? 'the syntax line selects' : `docker ${engine.version} has`} ${nameOf(version)}`;
  return missing.map(({ what, line, since }) => {
    const docker = since === undefined || isSelected ? undefined : firstDockerWith(since);
    const needed = since === undefined ? 'an experimental version' : `version 1.${since}`;
    const where = docker === undefined ? '' : ` (docker ${docker} or newer)`;
    return `  ${dockerfile}:${line}: ${what} needs ${needed}${where}, but ${has}`;
  });
}

function nameOf({ minor, isLabs }: FrontendVersion): string {
  return `1.${minor}${isLabs ? '-labs' : ''}`;
}

function hintFor(lacking: readonly Lacking[]): string {
  const isExperimental = lacking.some(({ missing }) => missing.some(({ since }) => since === undefined));
  const line = `"# syntax=docker/dockerfile:1${isExperimental ? '-labs' : ''}"`;
  if (lacking.every(({ isSelected }) => isSelected)) return `change the syntax line to ${line}`;
  const start = `start the Dockerfile with ${line}, which the engine then pulls`;
  return isExperimental ? start : `update the engine, or ${start}`;
}
