import { TasksError } from '../model/errors.ts';
import type { Observations } from '../model/observed.ts';
import type { Engine } from '../model/ports.ts';
import type { ImageTask } from '../model/task.ts';

/** What an image asks of an engine's BuildKit, and where: for messages. */
interface Requirement {
  readonly ability: 'namedContexts' | 'runLimits';
  readonly place: string;
}

/** What to do about a missing ability, other than to update the engine. */
const remedies: Readonly<Record<Requirement['ability'], string>> = {
  namedContexts: 'start the Dockerfile with "# syntax=docker/dockerfile:1"',
  runLimits: 'leave shmSize, ulimits and cgroupParent out',
};

/** How docker's configuration (daemon.json) allows an entitlement. */
const grantSettings: Readonly<Record<string, string>> = {
  'security.insecure': '{ "builder": { "Entitlements": { "security-insecure": true } } }',
  'network.host': '{ "builder": { "Entitlements": { "network-host": true } } }',
};

/** Checks the fields of these tasks. @throws TasksError exit 3 if the engine does not support one */
export async function requireFields(
  tasks: readonly ImageTask[],
  observations: Observations,
  engine: Pick<Engine, 'abilities'>,
): Promise<void> {
  const requirements = tasks.flatMap((task) => requirementsOf(task, observations));
  if (requirements.length === 0) return;
  const abilities = await engine.abilities();
  const missing = requirements.filter(({ ability }) => !abilities[ability]);
  if (missing.length === 0) return;
  const list = [...new Set(missing.map(({ place }) => `  ${place}`))].join('\n');
  const others = [...new Set(missing.map(({ ability }) => remedies[ability]))];
  throw new TasksError(
    3,
    `some images need docker 23 or newer, but the engine is docker ${abilities.version}\n${list}`,
    { hint: `update the engine, or ${others.join('; ')}` },
  );
}

function requirementsOf(task: ImageTask, observations: Observations): Requirement[] {
  const observed = observations.get(task.id);
  if (observed?.kind !== 'image') return [];
  const { usesEngineFrontend = false } = observed;
  const limits = (['shmSize', 'ulimits', 'cgroupParent'] as const).filter(
    (field) => task[field] !== undefined,
  );
  const placeOf = (field: string): string => `${task.where.file}: ${field} of ${task.name}`;
  return [
    ...(task.contexts === undefined || !usesEngineFrontend
      ? []
      : [{ ability: 'namedContexts', place: placeOf('contexts') } as const]),
    ...limits.map((field) => ({ ability: 'runLimits', place: placeOf(field) }) as const),
  ];
}

/** Checks the entitlements of these tasks. @throws TasksError exit 3 if the engine's configuration does not allow one */
export async function requireGrants(
  tasks: readonly ImageTask[],
  engine: Pick<Engine, 'grants'>,
): Promise<void> {
  const wanted = new Set(tasks.flatMap(entitlementsOf));
  for (const entitlement of wanted) {
    if (await engine.grants(entitlement)) continue;
    const users = tasks.filter((task) => entitlementsOf(task).includes(entitlement));
    const names = [...new Set(users.map(({ name }) => name))].join(', ');
    throw new TasksError(3, `the engine does not allow ${entitlement}, which ${names} needs`, {
      hint: `set ${grantSettings[entitlement]} in its daemon.json and restart it`,
    });
  }
}

/** The network of the host is an entitlement for BuildKit. */
function entitlementsOf({ allow = [], network }: ImageTask): readonly string[] {
  return network === 'host' ? [...allow, 'network.host'] : allow;
}
