// The platform of the selected profile.
import { profile } from 'image-tasks';
import { debianPlatform } from './debian.ts';
import type { Platform } from './platform.ts';
import { upstreamPlatform } from './upstream.ts';

const platforms: Readonly<Record<string, () => Platform>> = {
  default: upstreamPlatform,
  debian: debianPlatform,
};

function choose(): Platform {
  const make = Object.hasOwn(platforms, profile) ? platforms[profile] : undefined;
  if (make !== undefined) return make();
  throw new Error(`there is no profile "${profile}"; there are: ${Object.keys(platforms).join(', ')}`);
}

export const platform = choose();
