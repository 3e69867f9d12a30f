import type { ContextPath } from '../dockerfile/context-path.ts';
import { compileGlob } from '../dockerfile/glob.ts';
import { type Listed, readLink } from './walk.ts';

/** The maximum number of symlinks that BuildKit follows on one path. */
const maxLinks = 255;

/**
 * Returns the part of a listed context that is visible to instructions with the given paths: these paths, everything below
 * them, their parent folders, and the targets of symlinks on the way to them. Symlinks inside a copied folder are copied as
 * symlinks. Keeps the order of the listing.
 */
export function visibleFiles(listed: readonly Listed[], paths: readonly ContextPath[]): readonly Listed[] {
  const links = linksIn(listed);
  const patterns = paths.filter(({ isPattern }) => isPattern).map(({ path: text }) => text);
  // The listing does not contain the paths that such a pattern matches. This is rare, so everything counts as visible.
  if (patterns.some((pattern) => passesLink(pattern, links))) return listed;
  const matchers = patterns.flatMap((pattern) => compileGlob(pattern) ?? []);
  const matched = listed
    .filter(({ path: name }) => matchers.some((matches) => matches(name)))
    .map((file) => file.path);
  const named = paths.filter(({ isPattern }) => !isPattern).map(({ path: text }) => text);
  const passed = new Set<string>();
  const resolve = (start: string): string | readonly string[] => follow(start, links, passed) ?? [];
  // Without symlinks, a listed path resolves to itself.
  const roots = new Set([
    ...named.flatMap(resolve),
    ...(links.size === 0 ? matched : matched.flatMap(resolve)),
  ]);
  if (roots.has('')) return listed;
  const isVisible = (name: string): boolean =>
    passed.has(name) || someSelfOrParent(name, (parent) => roots.has(parent));
  const included = new Set<string>();
  for (const { path: name } of listed) {
    if (!isVisible(name)) continue;
    for (let part = name; part !== '' && !included.has(part); part = parentOf(part)) included.add(part);
  }
  return listed.filter((file) => included.has(file.path));
}

/** Returns true if `test` holds for a path or any of its parents: `a/b/c`, `a/b` or `a`. */
function someSelfOrParent(name: string, test: (name: string) => boolean): boolean {
  for (let part = name; part !== ''; part = parentOf(part)) if (test(part)) return true;
  return false;
}

/** Returns `a/b` for `a/b/c`, and an empty string for `a`. */
function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

function linksIn(listed: readonly Listed[]): Map<string, Listed> {
  const links = new Map<string, Listed>();
  for (const file of listed) if (file.stat.kind === 'link') links.set(file.path, file);
  return links;
}

/** Returns true if there is a symlink in the part of a pattern before its first special character. */
function passesLink(pattern: string, links: ReadonlyMap<string, Listed>): boolean {
  const literal = parentOf(pattern.slice(0, pattern.search(/[*?[\\]/)));
  return someSelfOrParent(literal, (name) => links.has(name));
}

/** Returns what a path in a context leads to, by the symlinks of the context; undefined if they form a loop. */
export function followInContext(path: string, listed: readonly Listed[]): string | undefined {
  return follow(path, linksIn(listed), new Set());
}

/**
 * Resolves the symlinks of a path within the context and adds each of them to `passed`. Returns undefined if they form a
 * loop. A missing path resolves to itself, so that it is visible when it is created.
 */
function follow(start: string, links: ReadonlyMap<string, Listed>, passed: Set<string>): string | undefined {
  let rest = start.split('/').filter(Boolean);
  let at = '';
  for (let followed = 0; rest.length > 0; ) {
    const part = rest.shift()!;
    if (part === '..') {
      at = parentOf(at);
      continue;
    }
    const next = at === '' ? part : `${at}/${part}`;
    const link = links.get(next);
    if (link !== undefined) {
      if (++followed > maxLinks) return undefined;
      passed.add(next);
      const target = readLink(link.absolute);
      if (target.startsWith('/')) at = '';
      rest = [...target.split('/').filter((name) => name !== '' && name !== '.'), ...rest];
    } else at = next;
  }
  return at;
}
