import { parseSyntaxDirective } from './directives.ts';

/**
 * The frontend that reads a Dockerfile. `engine`: the engine's own, because there is no syntax line. `new` and `old`:
 * docker/dockerfile, of a version that reads named contexts and options of RUN, or not. `unknown`: another one, or a version that is
 * not known, as with a name by digest only.
 */
export type Frontend = 'engine' | 'new' | 'old' | 'unknown';

/**
 * The first version of docker's Dockerfile frontend that reads named contexts, and the attributes shm-size, ulimit and cgroup-parent
 * (moby/buildkit v0.10.0, frontend/dockerfile/builder/build.go).
 */
const firstMinor = 4;

/** Returns the frontend that the syntax line of a Dockerfile selects. */
export function frontendOf(text: string): Frontend {
  const { image, isAmbiguous } = parseSyntaxDirective(text);
  // Older engines find another image, or none.
  if (isAmbiguous) return 'unknown';
  if (image === undefined) return 'engine';
  const tag = /^(?:docker\.io\/)?docker\/dockerfile(?::([^@]+))?(@.*)?$/.exec(image);
  if (tag === null) return 'unknown';
  const [, name, digest] = tag;
  if (name === undefined) return digest === undefined ? 'new' : 'unknown';
  const [, minor] = /^1(?:\.(\d+))?(?:\.\d+)?(?:-labs)?$/.exec(name) ?? [];
  if (minor !== undefined) return Number(minor) >= firstMinor ? 'new' : 'old';
  return /^(?:1|latest|labs|1-labs)$/.test(name) ? 'new' : 'unknown';
}

/** Tells whether the frontend of a Dockerfile is known to read named contexts. `builtIn`: whether the engine's own does. */
export function readsNamedContexts(text: string, builtIn: boolean): boolean {
  const frontend = frontendOf(text);
  return frontend === 'engine' ? builtIn : frontend === 'new';
}
