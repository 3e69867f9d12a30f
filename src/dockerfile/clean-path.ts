/**
 * Returns the shortest equivalent path, computed from the text alone: no `.`, no `x/..`, no doubled or trailing slash. An
 * empty path gives `.`. The rules are those of Go's `path.Clean`, which docker applies to ignore patterns and COPY sources.
 */
export function cleanPath(path: string): string {
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts[parts.length - 1] !== '..') parts.pop();
    else if (!rooted) parts.push(part);
  }
  return (rooted ? '/' : '') + parts.join('/') || '.';
}
