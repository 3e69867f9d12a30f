import type { FrontendVersion } from '../model/frontend.ts';
import { parseSyntaxDirective } from './directives.ts';

/**
 * The frontend that reads a Dockerfile. `engine`: the engine's own, because there is no syntax line. `new` and `old`:
 * docker/dockerfile, of a version that reads named contexts and options of RUN, or not. `unknown`: another one, or a version that is
 * not known, as with a name by digest only.
 */
export type FrontendKind = 'engine' | 'new' | 'old' | 'unknown';

/**
 * The first version of docker's Dockerfile frontend that reads named contexts, and the attributes shm-size, ulimit and cgroup-parent
 * (moby/buildkit v0.10.0, frontend/dockerfile/builder/build.go).
 */
const firstMinor = 4;

/** Returns the kind of the frontend that the syntax line of a Dockerfile selects. */
export function frontendKindOf(text: string): FrontendKind {
  const { image, isAmbiguous } = parseSyntaxDirective(text);
  // Older engines find another image, or none.
  if (isAmbiguous) return 'unknown';
  if (image === undefined) return 'engine';
  const version = selectedFrontend(image);
  if (version === undefined) return 'unknown';
  return version === 'newest' || version.minor >= firstMinor ? 'new' : 'old';
}

/** Tells whether the frontend of a Dockerfile is known to read named contexts. `builtIn`: whether the engine's own does. */
export function readsNamedContexts(text: string, builtIn: boolean): boolean {
  const kind = frontendKindOf(text);
  return kind === 'engine' ? builtIn : kind === 'new';
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
