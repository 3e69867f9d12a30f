import { project } from './sources.ts';

/** What an image says of itself, in the words that the OCI gave for it. */
export function labels(title: string, description: string, version: string): Record<string, string> {
  return {
    'org.opencontainers.image.title': title,
    'org.opencontainers.image.description': description,
    'org.opencontainers.image.source': project,
    'org.opencontainers.image.version': version,
  };
}
