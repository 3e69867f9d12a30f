import { project } from './sources.ts';

/** Returns the labels that describe an image, with the names that OCI defines. */
export function labels(title: string, description: string, version: string): Record<string, string> {
  return {
    'org.opencontainers.image.title': title,
    'org.opencontainers.image.description': description,
    'org.opencontainers.image.source': project,
    'org.opencontainers.image.version': version,
  };
}
