// What the selected profile builds, and for which platforms.
import { profile } from 'image-tasks';
import { debianPlatform } from './debian.ts';
import type { Platform } from './platform.ts';
import { upstreamPlatform } from './upstream.ts';

interface Profile {
  readonly make: (platforms: readonly string[]) => Platform;
  readonly platforms: readonly string[];
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64' };
/** Linux on the architecture of this machine. */
const own = [`linux/${architectures[process.arch] ?? process.arch}`];
const both = ['linux/amd64', 'linux/arm64'];

const profiles: Readonly<Record<string, Profile>> = {
  default: { make: upstreamPlatform, platforms: own },
  debian: { make: debianPlatform, platforms: own },
  'multi-platform': { make: upstreamPlatform, platforms: both },
  'debian-multi-platform': { make: debianPlatform, platforms: both },
};

export const profileNames = Object.keys(profiles);

function choose(): Profile {
  const found = Object.hasOwn(profiles, profile) ? profiles[profile] : undefined;
  if (found !== undefined) return found;
  throw new Error(`there is no profile "${profile}"; there are: ${profileNames.join(', ')}`);
}

const { make, platforms: chosen } = choose();

/** What all images are built for. Explicit in every profile, so that another platform changes no key. */
export const platforms = chosen;

export const platform = make(platforms);
