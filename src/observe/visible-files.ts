import { compileGlob } from '../dockerfile/glob.ts';
import type { ContextPath } from '../dockerfile/instruction-inputs.ts';
import { type Listed, readLink } from './walk.ts';

/** As many links as BuildKit follows one after another. */
const linkLimit = 255;

/**
 * What instructions that name the given paths can see of a listed context: the paths, all below them, and what links on
 * the way point to. Links below a folder that is copied are copied as links. In the order of the listing; folders that hold
 * something visible are in it.
 */
export function visibleFiles(listed: readonly Listed[], paths: readonly ContextPath[]): readonly Listed[] {
  const links = linksIn(listed);
  const patterns = paths.filter(({ isPattern }) => isPattern).map(({ path: text }) => text);
  // A pattern below a link is rare, and what it matches is not to be had from the paths as they are listed.
  if (patterns.some((pattern) => passesLink(pattern, links))) return listed;
  const matchers = patterns.flatMap((pattern) => compileGlob(pattern) ?? []);
  const matched = listed
    .filter(({ path: name }) => matchers.some((matches) => matches(name)))
    .map((each) => each.path);
  const named = paths.filter(({ isPattern }) => !isPattern).map(({ path: text }) => text);
  const passed = new Set<string>();
  const lead = (start: string): string | readonly string[] => follow(start, links, passed) ?? [];
  // What was listed leads to itself, but for links.
  const roots = new Set([...named.flatMap(lead), ...(links.size === 0 ? matched : matched.flatMap(lead))]);
  if (roots.has('')) return listed;
  const isSeen = (name: string): boolean =>
    passed.has(name) || isSelfOrAbove(name, (each) => roots.has(each));
  const above = new Set<string>();
  for (const { path: name } of listed) {
    if (!isSeen(name)) continue;
    for (let each = name; each !== '' && !above.has(each); each = folderOf(each)) above.add(each);
  }
  return listed.filter((each) => above.has(each.path));
}

/** True where it holds for `a/b/c`, or for `a/b`, or for `a`. */
function isSelfOrAbove(name: string, holds: (each: string) => boolean): boolean {
  for (let each = name; each !== ''; each = folderOf(each)) if (holds(each)) return true;
  return false;
}

/** `a/b/c` → `a/b`; `a` → nothing. */
function folderOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

function linksIn(listed: readonly Listed[]): Map<string, Listed> {
  const links = new Map<string, Listed>();
  for (const each of listed) if (each.stat.kind === 'link') links.set(each.path, each);
  return links;
}

function passesLink(pattern: string, links: ReadonlyMap<string, Listed>): boolean {
  const literal = folderOf(pattern.slice(0, pattern.search(/[*?[\\]/)));
  return isSelfOrAbove(literal, (name) => links.has(name));
}

/**
 * Where a path leads when all links on it are followed within the context; each link is added to `passed`. Undefined where
 * it leads round in circles. What does not exist leads to itself: it is seen once it does.
 */
function follow(start: string, links: ReadonlyMap<string, Listed>, passed: Set<string>): string | undefined {
  let rest = start.split('/').filter(Boolean);
  let at = '';
  for (let followed = 0; rest.length > 0; ) {
    const part = rest.shift()!;
    if (part === '..') {
      at = folderOf(at);
      continue;
    }
    const next = at === '' ? part : `${at}/${part}`;
    const link = links.get(next);
    if (link !== undefined) {
      if (++followed > linkLimit) return undefined;
      passed.add(next);
      const target = readLink(link.absolute);
      if (target.startsWith('/')) at = '';
      rest = [...target.split('/').filter((each) => each !== '' && each !== '.'), ...rest];
    } else at = next;
  }
  return at;
}
