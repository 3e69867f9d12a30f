import { createHash } from 'node:crypto';
import type { Naming } from '../plan/refs.ts';

/** Returns the eight hex digits that identify a project in a shared cache repository: a hash of where it publishes. */
export function projectHash({ repo }: Pick<Naming, 'repo'>): string {
  return shortHash(repo);
}

/** Returns the first eight hex digits of a text's SHA-256. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
