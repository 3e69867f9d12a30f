import path from 'node:path';
import { globRegExp } from '../dockerfile/glob.ts';
import type { ContextPath } from '../dockerfile/reads.ts';
import { type Listed, linkTarget } from './walk.ts';

/** What of a context a build can see. */
export interface Visible {
  /** In the order of the listing; folders that hold something visible are in it. */
  readonly listed: readonly Listed[];
  /** True where a file of this path, if it were in the context, could be seen. */
  covers(path: string): boolean;
}

/** As many links as BuildKit follows one after another. */
const linkLimit = 255;

/**
 * What instructions that name the given paths can see of a listed context: the paths, all below them, and what links on
 * the way point to. Links below a folder that is copied are copied as links.
 */
export function visibleOf(listed: readonly Listed[], paths: readonly ContextPath[]): Visible {
  const index = new Map(listed.map((each) => [each.path, each]));
  const patterns = paths.filter(({ isPattern }) => isPattern).map(({ path: text }) => text);
  // A pattern below a link is rare, and what it matches is not to be had from the paths as they are listed.
  if (patterns.some((pattern) => passesLink(pattern, index))) return all(listed);
  const tests = patterns.flatMap((pattern) => globRegExp(pattern) ?? []);
  const matched = listed
    .filter(({ path: name }) => tests.some((test) => test.test(name)))
    .map((each) => each.path);
  const named = paths.filter(({ isPattern }) => !isPattern).map(({ path: text }) => text);
  const links = new Set<string>();
  const roots = new Set([...named, ...matched].flatMap((start) => follow(start, index, links) ?? []));
  if (roots.has('')) return all(listed);
  const isSeen = (name: string): boolean =>
    links.has(name) || selfAndAbove(name).some((each) => roots.has(each));
  const seen = listed.filter((each) => isSeen(each.path));
  const above = new Set(seen.flatMap((each) => selfAndAbove(each.path)));
  return {
    listed: listed.filter((each) => above.has(each.path)),
    covers: (name) =>
      isSeen(name) || selfAndAbove(name).some((each) => tests.some((test) => test.test(each))),
  };
}

function all(listed: readonly Listed[]): Visible {
  return { listed, covers: () => true };
}

/** `a/b/c` → `a`, `a/b`, `a/b/c`. */
function selfAndAbove(name: string): string[] {
  const parts = name.split('/');
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

function passesLink(pattern: string, index: ReadonlyMap<string, Listed>): boolean {
  const literal = pattern.slice(0, pattern.search(/[*?[\\]/)).replace(/[^/]*$/, '');
  return selfAndAbove(literal.replace(/\/$/, '')).some((name) => index.get(name)?.stat.kind === 'link');
}

/**
 * Where a path leads when all links on it are followed within the context; each link is added to `links`. Undefined where
 * it leads round in circles. What does not exist leads to itself: it is seen once it does.
 */
function follow(start: string, index: ReadonlyMap<string, Listed>, links: Set<string>): string | undefined {
  let rest = start.split('/').filter(Boolean);
  let at = '';
  for (let followed = 0; rest.length > 0; ) {
    const [part, ...more] = rest as [string, ...string[]];
    if (part === '..') {
      at = path.posix.dirname(`/${at}`).slice(1);
      rest = more;
      continue;
    }
    const next = at === '' ? part : `${at}/${part}`;
    const found = index.get(next);
    if (found?.stat.kind === 'link') {
      if (++followed > linkLimit) return undefined;
      links.add(next);
      const target = linkTarget(found.absolute);
      if (target.startsWith('/')) at = '';
      rest = [...target.split('/').filter((each) => each !== '' && each !== '.'), ...more];
    } else {
      at = next;
      rest = more;
    }
  }
  return at;
}
