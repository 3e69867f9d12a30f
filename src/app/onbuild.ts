import { TasksError } from '../model/errors.ts';
import type { Engine, HasOnbuild } from '../model/ports.ts';
import { PlatformMissing, RegistryError } from '../model/registry.ts';
import { Unreadable } from '../observe/walk.ts';
import { briefRequests, type Host } from './host.ts';
import type { Notify } from './notices.ts';

/** Asks a registry whether an image has ONBUILD instructions. @throws TasksError */
type QueryRegistry = (reference: string, platform: string) => Promise<boolean>;

/** Returns a function that asks the engine, and the image's registry where the engine does not have the image. */
export function queryOnbuild(host: Host, signal: AbortSignal): HasOnbuild {
  let query: HasOnbuild | undefined;
  return async (reference, platform) => {
    query ??= queryEngineThenRegistry(
      host.connections.engine(signal),
      registryQuery(host, signal),
      host.notify,
    );
    return await query(reference, platform);
  };
}

/** An engine or a registry that does not answer is not asked again. Each failure is reported once. */
export function queryEngineThenRegistry(
  engine: Pick<Engine, 'triggers'>,
  queryRegistry: QueryRegistry,
  notify: Notify,
): HasOnbuild {
  let isEngineReachable = true;
  const unreachableHosts = new Set<string>();
  const answers = new Map<string, Promise<boolean | undefined>>();
  const askEngine = async (reference: string, platform: string): Promise<boolean | undefined> => {
    try {
      return isEngineReachable ? await engine.triggers(reference, platform) : undefined;
    } catch (error) {
      if (!(error instanceof TasksError)) throw error;
      isEngineReachable = false;
      return undefined;
    }
  };
  const askRegistry = async (reference: string, platform: string): Promise<boolean | undefined> => {
    const host = hostOf(reference);
    if (unreachableHosts.has(host)) return undefined;
    try {
      return await queryRegistry(reference, platform);
    } catch (error) {
      if (!(error instanceof TasksError)) throw error;
      // BuildKit would build on it without a word.
      if (error instanceof PlatformMissing) throw new Unreadable(`${error.message}; ${error.hint}`);
      if (error instanceof RegistryError && error.problem === 'unreachable') unreachableHosts.add(host);
      notify({ kind: 'onbuild-unknown', image: reference, message: error.message });
      return undefined;
    }
  };
  return async (reference, platform) => {
    const question = `${reference} ${platform}`;
    const answer =
      answers.get(question) ??
      askEngine(reference, platform).then((known) => known ?? askRegistry(reference, platform));
    answers.set(question, answer);
    return await answer;
  };
}

/** `host:5000/team/app@…` → `host:5000`; empty for Docker Hub. */
function hostOf(reference: string): string {
  const [first, ...rest] = reference.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(first!) ? first! : '';
}

function registryQuery({ connections }: Host, signal: AbortSignal): QueryRegistry {
  return async (reference, platform) => {
    const { pinImage } = await import('../registry/pin.ts');
    const client = await connections.registryClient(signal, briefRequests);
    return (await pinImage(client, reference, platform)).onbuild;
  };
}
