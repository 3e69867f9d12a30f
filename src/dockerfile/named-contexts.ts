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
  const tag = /^(?:docker\.io\/)?docker\/dockerfile(?::([^@]+))?(@.*)?$/.exec(image);
  if (tag === null) return false;
  const [, name, digest] = tag;
  if (name === undefined) return digest === undefined;
  const [, minor] = /^1(?:\.(\d+))?(?:\.\d+)?(?:-labs)?$/.exec(name) ?? [];
  if (minor !== undefined) return Number(minor) >= firstMinor;
  return /^(?:1|latest|labs|1-labs)$/.test(name);
}
