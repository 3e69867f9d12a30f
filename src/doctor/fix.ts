import type { Facts } from './facts.ts';

/** One thing that `doctor --fix` does. */
export type Fix =
  | { readonly kind: 'install'; readonly packages: readonly string[] }
  | { readonly kind: 'start'; readonly dockerd: string };

/** Why `doctor --fix` can do nothing here, and the commands that a person can run instead. */
export interface Unfixable {
  readonly reason: string;
  readonly commands: readonly string[];
}

const supported = ['12', '13'];

/** What Debian's docker engine needs to run by hand; since Debian 13 the client and its plug-in are packages of their own. */
const enginePackages: Readonly<Record<string, readonly string[]>> = {
  '12': ['docker.io', 'iptables', 'iproute2', 'ca-certificates'],
  '13': ['docker.io', 'docker-cli', 'docker-buildx', 'iptables', 'iproute2', 'ca-certificates'],
};
/** Programs that commands may call, and their packages. mmdebstrap makes other suites too: the newest keyring knows their keys. */
export const programPackages: Readonly<Record<string, readonly string[]>> = {
  curl: ['curl'],
  git: ['git'],
  gpg: ['gnupg'],
  mmdebstrap: ['mmdebstrap', 'debian-archive-keyring'],
};

/** What is to be done so that builds work, in order; nothing where they do. Pure. */
export function planFixes(facts: Facts): readonly Fix[] | Unfixable {
  const packages = wantedPackages(facts);
  const isDown = facts.engine.problem !== undefined;
  if (packages.length === 0 && !isDown) return [];
  const commands = [
    ...(packages.length > 0 ? ['apt-get update', `apt-get install ${packages.join(' ')}`] : []),
    ...(isDown ? ['systemctl start docker   # without systemd: dockerd &'] : []),
  ];
  const { endpoint } = facts.engine;
  if (isDown && endpoint?.origin !== 'default')
    return {
      reason: `${endpoint?.origin ?? 'the environment'} names an engine that does not answer; only the local one can be set up`,
      commands: ['unset DOCKER_HOST DOCKER_CONTEXT   # or: docker context use default'],
    };
  if (facts.os.id !== 'debian' || !supported.includes(facts.os.version)) {
    const where = facts.os.name || facts.os.id;
    return {
      reason: `this is ${where}; --fix knows Debian ${supported.join(' and ')}`,
      commands: facts.os.id === 'debian' ? commands : ['see docs.docker.com/engine/install'],
    };
  }
  if (!facts.isRoot) return { reason: 'only root may install and start things', commands };
  return [
    ...(packages.length > 0 ? [{ kind: 'install', packages } as const] : []),
    ...(isDown ? [{ kind: 'start', dockerd: facts.dockerd ?? '/usr/sbin/dockerd' } as const] : []),
  ];
}

function wantedPackages(facts: Facts): string[] {
  const lacksEngine = facts.engine.problem !== undefined && facts.dockerd === undefined;
  const engine =
    lacksEngine || facts.client === undefined
      ? (enginePackages[facts.os.version] ?? enginePackages['13']!)
      : [];
  const programs = facts.programs
    .filter((program) => program.isNeeded && program.path === undefined)
    .flatMap((program) => programPackages[program.name] ?? []);
  return [...new Set([...engine, ...programs])];
}
