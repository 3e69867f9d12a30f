import type { Facts } from './facts.ts';

/** A step of `doctor --fix`. */
export type Fix =
  | { readonly kind: 'install'; readonly packages: readonly string[] }
  | { readonly kind: 'emulate'; readonly emulators: readonly string[] }
  | { readonly kind: 'start'; readonly dockerd: string };

/** Why `doctor --fix` cannot fix this machine, and the commands to run by hand instead. */
export interface Unfixable {
  readonly reason: string;
  readonly commands: readonly string[];
}

const supportedVersions = ['12', '13'];

/**
 * The packages of a docker engine, by Debian version. In Debian 13 the client has a package of its own: tasks works without it, but
 * `docker run` and `docker login` are what people use next.
 */
const enginePackages: Readonly<Record<string, readonly string[]>> = {
  '12': ['docker.io', 'iptables', 'iproute2', 'ca-certificates'],
  '13': ['docker.io', 'docker-cli', 'iptables', 'iproute2', 'ca-certificates'],
};
/** The packages of programs that commands may run. mmdebstrap needs the keyring to build other Debian versions. */
export const programPackages: Readonly<Record<string, readonly string[]>> = {
  curl: ['curl'],
  git: ['git'],
  gpg: ['gnupg'],
  mmdebstrap: ['mmdebstrap', 'debian-archive-keyring'],
  // mmdebstrap refuses another architecture than that of this machine without it.
  'arch-test': ['arch-test'],
};

/** The emulators, statically linked, and what registers them. */
const emulatorPackages = ['qemu-user-static'];

/** Returns the steps that make builds work, in order; none if they already work. Pure. */
export function planFixes(facts: Facts): readonly Fix[] | Unfixable {
  const packages = missingPackages(facts);
  const { engine } = facts;
  const isDown = engine !== undefined && 'problem' in engine;
  const emulators = missingEmulators(facts);
  if (packages.length === 0 && emulators.length === 0 && !isDown) return [];
  const commands = [
    ...(packages.length > 0 ? ['apt-get update', `apt-get install ${packages.join(' ')}`] : []),
    ...(emulators.length > 0
      ? ['systemctl restart systemd-binfmt   # without systemd: tasks doctor --fix, as root']
      : []),
    ...(isDown ? ['systemctl start docker   # without systemd: dockerd &'] : []),
  ];
  const endpoint = engine?.endpoint;
  if (isDown && endpoint?.origin !== 'default')
    return {
      reason: `the engine that does not work is another one (${endpoint?.origin ?? 'DOCKER_HOST'}); --fix can only set up the default one`,
      commands: ['unset DOCKER_HOST DOCKER_CONTEXT   # or: docker context use default'],
    };
  if (facts.os.id !== 'debian' || !supportedVersions.includes(facts.os.version)) {
    const system = facts.os.name || facts.os.id;
    return {
      reason: `this system is ${system}; --fix supports Debian ${supportedVersions.join(' and ')}`,
      commands: facts.os.id === 'debian' ? commands : ['see https://docs.docker.com/engine/install'],
    };
  }
  if (!facts.isRoot) return { reason: '--fix must run as root', commands };
  return [
    ...(packages.length > 0 ? [{ kind: 'install', packages } as const] : []),
    ...(emulators.length > 0 ? [{ kind: 'emulate', emulators } as const] : []),
    ...(isDown ? [{ kind: 'start', dockerd: facts.dockerd ?? '/usr/sbin/dockerd' } as const] : []),
  ];
}

function missingPackages(facts: Facts): string[] {
  const { engine: found, dockerd } = facts;
  const lacksEngine = found !== undefined && 'problem' in found && dockerd === undefined;
  const engine = lacksEngine ? (enginePackages[facts.os.version] ?? enginePackages['13']!) : [];
  const programs = facts.programs
    .filter((program) => program.path === undefined)
    .flatMap((program) => programPackages[program.name] ?? []);
  const emulators =
    missingEmulators(facts).length > 0 && !facts.platforms!.isInstalled ? emulatorPackages : [];
  return [...new Set([...engine, ...programs, ...emulators])];
}

/** An engine elsewhere needs emulators on its own machine. */
function missingEmulators({ platforms }: Facts): readonly string[] {
  return platforms?.isLocal ? platforms.emulators : [];
}
