import { createHash } from 'node:crypto';
import type { Naming } from '../plan/refs.ts';

/** Tells projects apart in one repository of content tags: eight digits of the repository that they publish to. */
export function projectHash({ repo }: Pick<Naming, 'repo'>): string {
  return shortHash(repo);
}

/** Eight digits that stand for a text in a tag. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
