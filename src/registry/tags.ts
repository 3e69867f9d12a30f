import { RegistryError } from '../model/registry.ts';
import type { Client } from './client.ts';
import { type RepositoryRef, tagPattern } from './reference.ts';
import { Retry } from './retry.ts';

/** All tags of a repository in order, asked for page by page. */
export async function listTags(client: Client, place: RepositoryRef): Promise<readonly string[]> {
  const tags = new Set<string>();
  const seen = new Set<string>();
  const endless = (): RegistryError =>
    new RegistryError('broken', `${place.host} lists the tags of ${place.repository} without end`);
  // The largest page that any registry gives.
  let path: string | undefined = 'tags/list?n=1000';
  while (path !== undefined && !seen.has(path)) {
    seen.add(path);
    if (seen.size > most.pages || tags.size > most.tags) throw endless();
    const page = await client.retry((isLast) => readPage(client, place, path!, isLast));
    if (page === undefined) break;
    for (const tag of page.tags) tags.add(tag);
    path = page.next;
  }
  return [...tags].sort();
}

/** No repository has more. */
const most = { pages: 5_000, tags: 1_000_000 };

interface Page {
  readonly tags: readonly string[];
  /** Where the next one is. */
  readonly next: string | undefined;
}

async function readPage(
  client: Client,
  place: RepositoryRef,
  path: string,
  isLast: boolean,
): Promise<Page | undefined | Retry> {
  const wish = { method: 'GET', path, access: 'pull', ok: [200, 404] } as const;
  const { status, headers, body } = await client.request(place, wish);
  if (status === 404) return undefined;
  try {
    const { tags } = JSON.parse(body.toString('utf8')) as { tags?: unknown };
    if (tags !== undefined && tags !== null && !Array.isArray(tags)) throw new TypeError('no list');
    // What is no tag can neither be asked for nor removed.
    const named = (tags ?? []).filter((tag: unknown) => typeof tag === 'string' && tagPattern.test(tag));
    return { tags: named, next: nextPage(headers.get('link'), place, client) };
  } catch {
    // It may have been garbled on its way.
    if (!isLast) return new Retry();
    throw new RegistryError('broken', `${place.host} does not list the tags of ${place.repository} in JSON`);
  }
}

/** `<…>; rel="next"`, in full or relative. */
function nextPage(
  link: string | null,
  { host, repository }: RepositoryRef,
  { network }: Client,
): string | undefined {
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next\b/i.exec(link ?? '') ?? [];
  const base = new URL(`${network.baseUrl(host)}/v2/${repository}/tags/list`);
  if (target === undefined || !URL.canParse(target, base.href)) return undefined;
  const { pathname, search } = new URL(target, base);
  // Behind a proxy a registry may not know its own name: what is asked is this one.
  return new URL(`${pathname}${search}`, base).href;
}
