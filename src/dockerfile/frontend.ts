import type { FrontendVersion } from '../model/frontend.ts';
import { parseSyntaxDirective } from './directives.ts';

/** The first version of docker's Dockerfile frontend that reads named contexts (moby/buildkit, release notes of dockerfile/1.4.0). */
const firstMinor = 4;

/**
 * Tells whether the frontend that a Dockerfile selects reads named contexts. `builtIn`: whether the engine's own does, which is
 * used without a syntax line. Other frontends are not known, and neither are those that are named by digest only.
 */
export function readsNamedContexts(text: string, builtIn: boolean): boolean {
  const { image, isAmbiguous } = parseSyntaxDirective(text);
  // Older engines find another image, or none.
  if (isAmbiguous) return false;
  if (image === undefined) return builtIn;
  const version = selectedFrontend(image);
  return version === 'newest' || (version !== undefined && version.minor >= firstMinor);
}

/**
 * Returns the version of docker's Dockerfile frontend that the image of a syntax line is: `newest` for a tag that moves.
 * Undefined for other frontends, and for those that are named by digest only.
 */
export function selectedFrontend(image: string): FrontendVersion | 'newest' | undefined {
  const tag = /^(?:docker\.io\/)?docker\/dockerfile(?::([^@]+))?(@.*)?$/.exec(image);
  if (tag === null) return undefined;
  const [, name, digest] = tag;
  if (name === undefined) return digest === undefined ? 'newest' : undefined;
  if (/^(?:1|latest|labs|1-labs)$/.test(name)) return 'newest';
  const [, minor, labs] = /^1\.(\d+)(?:\.\d+)?(-labs)?$/.exec(name) ?? [];
  return minor === undefined ? undefined : { minor: Number(minor), isLabs: labs !== undefined };
}
