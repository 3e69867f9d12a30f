import { selectedFrontend } from '../dockerfile/frontend.ts';
import type { ObservedImage } from '../model/observed.ts';
import { registryHostOf } from '../model/reference.ts';

/**
 * Returns the hosts of the registries that a build names images of: in its Dockerfile, its syntax line and its named contexts.
 * Undefined if the Dockerfile is not fully understood, or if another frontend than docker's reads it.
 */
export function namedRegistries({
  bases,
  contexts = [],
  frontend,
  reachable,
}: ObservedImage): readonly string[] | undefined {
  const isForeign = frontend !== undefined && selectedFrontend(frontend) === undefined;
  if (reachable === undefined || isForeign) return undefined;
  const references = [
    ...bases.map(({ reference }) => reference),
    ...contexts.flatMap(({ source }) => ('image' in source ? [source.image] : [])),
    ...(frontend === undefined ? [] : [frontend]),
  ];
  return [...new Set(references.map(registryHostOf).filter((host) => host !== undefined))].sort();
}
