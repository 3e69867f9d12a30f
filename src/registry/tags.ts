import { RegistryError } from '../model/registry.ts';
import type { Client } from './client.ts';
import { type RepositoryRef, tagPattern } from './reference.ts';
import { Retry } from './retry.ts';

/** Returns all tags of a repository, sorted; none if it does not exist. Reads them page by page. */
export async function listTags(client: Client, repo: RepositoryRef): Promise<readonly string[]> {
  const tags = new Set<string>();
  const seen = new Set<string>();
  const endless = (): RegistryError =>
    new RegistryError('broken', `${repo.host} returns too many tags for ${repo.repository}`);
  // No registry returns larger pages.
  let path: string | undefined = 'tags/list?n=1000';
  while (path !== undefined && !seen.has(path)) {
    seen.add(path);
    if (seen.size > max.pages || tags.size > max.tags) throw endless();
    const page = await client.retry((isLast) => readPage(client, repo, path!, isLast));
    if (page === undefined) break;
    for (const tag of page.tags) tags.add(tag);
    path = page.next;
  }
  return [...tags].sort();
}

/** No repository has more. */
const max = { pages: 5_000, tags: 1_000_000 };

interface Page {
  readonly tags: readonly string[];
  /** The URL of the next page. */
  readonly next: string | undefined;
}

async function readPage(
  client: Client,
  repo: RepositoryRef,
  path: string,
  isLast: boolean,
): Promise<Page | undefined | Retry> {
  const request = { method: 'GET', path, access: 'pull', ok: [200, 404] } as const;
  const { status, headers, body } = await client.request(repo, request);
  if (status === 404) return undefined;
  try {
    const { tags } = JSON.parse(body.toString('utf8')) as { tags?: unknown };
    if (tags !== undefined && tags !== null && !Array.isArray(tags)) throw new TypeError('no list');
    // An invalid tag can be neither read nor deleted.
    const valid = (tags ?? []).filter((tag: unknown) => typeof tag === 'string' && tagPattern.test(tag));
    return { tags: valid, next: nextPage(headers.get('link'), repo, client) };
  } catch {
    // The response may have been garbled in transit.
    if (!isLast) return new Retry();
    throw new RegistryError('broken', `${repo.host} returned an invalid tag list for ${repo.repository}`);
  }
}

/** Parses the URL of the next page, absolute or relative, from `<…>; rel="next"`. */
function nextPage(
  link: string | null,
  { host, repository }: RepositoryRef,
  { network }: Client,
): string | undefined {
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next\b/i.exec(link ?? '') ?? [];
  const base = new URL(`${network.baseUrl(host)}/v2/${repository}/tags/list`);
  if (target === undefined || !URL.canParse(target, base.href)) return undefined;
  const { pathname, search } = new URL(target, base);
  // A registry behind a proxy may not know its own host name, so keep the one that we use.
  return new URL(`${pathname}${search}`, base).href;
}
