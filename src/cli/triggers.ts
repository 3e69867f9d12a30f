import { dockerEngine } from '../engine/docker.ts';
import { TasksError } from '../model/errors.ts';
import type { Engine, HasOnbuild } from '../model/ports.ts';
import { RegistryError } from '../model/registry.ts';
import type { Io } from './io.ts';
import { patience } from './remote.ts';

/** Asks a registry whether an image has ONBUILD instructions. @throws TasksError */
type AskRegistry = (reference: string, platform: string) => Promise<boolean>;

/** Asks the engine, and where that does not know it, the image's registry. */
export function triggerAsker(io: Io): HasOnbuild {
  let ask: HasOnbuild | undefined;
  return async (reference, platform) => {
    ask ??= askInTurn(dockerEngine(io.environment, io), registryOf(io), (message) => io.err(`${message}\n`));
    return await ask(reference, platform);
  };
}

/** Who does not answer is not asked again, and what was not answered is told once. */
export function askInTurn(
  engine: Pick<Engine, 'triggers'>,
  registry: AskRegistry,
  tell: (message: string) => void,
): HasOnbuild {
  let hasEngine = true;
  const silent = new Set<string>();
  const asked = new Map<string, Promise<boolean | undefined>>();
  const askEngine = async (reference: string, platform: string): Promise<boolean | undefined> => {
    try {
      return hasEngine ? await engine.triggers(reference, platform) : undefined;
    } catch (error) {
      if (!(error instanceof TasksError)) throw error;
      hasEngine = false;
      return undefined;
    }
  };
  const askRegistry = async (reference: string, platform: string): Promise<boolean | undefined> => {
    const host = hostOf(reference);
    if (silent.has(host)) return undefined;
    try {
      return await registry(reference, platform);
    } catch (error) {
      if (!(error instanceof TasksError)) throw error;
      if (error instanceof RegistryError && error.problem === 'unreachable') silent.add(host);
      tell(`${error.message}: what is built on ${reference} counts with its whole context`);
      return undefined;
    }
  };
  return async (reference, platform) => {
    const question = `${reference} ${platform}`;
    const answer =
      asked.get(question) ??
      askEngine(reference, platform).then((known) => known ?? askRegistry(reference, platform));
    asked.set(question, answer);
    return await answer;
  };
}

/** `host:5000/team/app@…` → `host:5000`; without a host it is Docker Hub's. */
function hostOf(reference: string): string {
  const [first, ...rest] = reference.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(first!) ? first! : '';
}

function registryOf(io: Io): AskRegistry {
  return async (reference, platform) => {
    const [{ registryClientFor }, { pinImage }] = await Promise.all([
      import('./registries.ts'),
      import('../registry/pin.ts'),
    ]);
    return (await pinImage(registryClientFor(io, patience), reference, platform)).onbuild;
  };
}
