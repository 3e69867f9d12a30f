import { readFileSync } from 'node:fs';
import { attestationAttributes } from '../buildkit/attestations.ts';
import type { SentFolder } from '../buildkit/context-entries.ts';
import type { DockerfileFolder } from '../buildkit/dockerfile-folder.ts';
import { fileServices } from '../buildkit/file-services.ts';
import type { NamedFolders } from '../buildkit/named-folders.ts';
import type { BuildServices } from '../buildkit/services.ts';
import type { SolveInput } from '../buildkit/solve-request.ts';
import type { Environment } from '../model/environment.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { BuildRequest } from '../model/ports.ts';
import { type FindLogin, makeBuildLogins } from './build-logins.ts';
import { optionAttributes } from './build-options.ts';

/** Returns what a solve request says of a build, without its export. */
export function solveInputOf(
  {
    dockerfile,
    target,
    platform,
    network,
    args,
    labels,
    noCache,
    namedImages,
    attest,
    cacheTag,
    options = {},
  }: BuildRequest,
  context: SentFolder,
  dockerfileFolder: DockerfileFolder | undefined,
  { addresses }: NamedFolders,
): Omit<SolveInput, 'export'> {
  const normalized = normalizePlatform(platform);
  return {
    sharedKey: context.digest,
    filename: dockerfile.name,
    dockerfile: dockerfileFolder ?? { text: dockerfile.text },
    target,
    platform,
    network,
    args,
    labels,
    noCache,
    namedContexts: {
      ...addresses,
      ...Object.fromEntries(
        Object.entries(namedImages).map(([name, reference]) => [
          `${name}::${normalized}`,
          `docker-image://${reference}`,
        ]),
      ),
    },
    ...(cacheTag === undefined ? {} : { cacheTag }),
    entitlements: options.allow ?? [],
    attributes: { ...optionAttributes(options), ...attestationAttributes(attest) },
  };
}

/**
 * The size of the largest Dockerfile that is a frontend input. The error of a build then contains it twice, and more than 64 KB end the
 * connection (see unreadable.ts).
 */
const maxInputBytes = 8 << 10;

/**
 * Whether the request contains the frontend inputs of a build: its context and its Dockerfile. A frontend that the Dockerfile or an arg
 * selects may be too old to read them, and provenance lists the folders that a frontend requests.
 */
export function usesFrontendInputs({ dockerfile, args, attest }: BuildRequest): boolean {
  if (dockerfile.selectsFrontend || args.BUILDKIT_SYNTAX !== undefined || attest !== undefined) return false;
  return dockerfile.text.length <= maxInputBytes;
}

/** Returns what a session serves to a build: its folders, secrets, agents and logins. */
export function servicesOf(
  { secrets, ssh, exportTo, registries }: BuildRequest,
  context: SentFolder,
  others: ReadonlyMap<string, SentFolder>,
  { environment, login }: { readonly environment: Environment; readonly login: FindLogin },
  signal: AbortSignal,
): BuildServices {
  const folders = new Map([['context', context], ...others]);
  const secret = (id: string): Uint8Array | undefined => {
    const source = Object.hasOwn(secrets, id) ? secrets[id] : undefined;
    if (source === undefined) return undefined;
    return 'env' in source ? Buffer.from(environment[source.env] ?? '') : readFileSync(source.file);
  };
  const files = fileServices({ folders, ...(exportTo === undefined ? {} : { exportTo }) }, signal);
  const logins = makeBuildLogins(login);
  logins.allow(registries);
  return {
    ...files,
    login: logins.find,
    sshSockets: ssh,
    ...(Object.keys(secrets).length === 0 ? {} : { secret }),
  };
}
