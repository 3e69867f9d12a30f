/**
 * A pattern as COPY and ADD take them (Go's `filepath.Match`): `*` and `?` stop at slashes, `[a-z]`, `[^a]`, `\` before
 * one that is none. It matches whole paths. Undefined for a pattern that Go refuses: the build then fails.
 */
export function globRegExp(pattern: string): RegExp | undefined {
  const chars = [...pattern];
  let source = '';
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!;
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '\\') {
      if (++at >= chars.length) return undefined;
      source += literal(chars[at]!);
    } else if (char === '[') {
      const end = classAt(chars, at);
      if (end === undefined) return undefined;
      source += end.source;
      at = end.at;
    } else source += literal(char);
  }
  return new RegExp(`^${source}$`, 'su');
}

/** The class that opens at `start`, and where it closes. */
function classAt(chars: readonly string[], start: number): { source: string; at: number } | undefined {
  let at = start + 1;
  const isNegated = chars[at] === '^';
  if (isNegated) at++;
  const ranges: string[] = [];
  const one = (): string | undefined => {
    const char = chars[at];
    if (char === undefined || char === '-' || char === ']') return undefined;
    if (char === '\\') at++;
    return chars[at++];
  };
  while (ranges.length === 0 || chars[at] !== ']') {
    const low = one();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (chars[at] === '-') {
      at++;
      high = one();
    }
    if (high === undefined) return undefined;
    // Go takes a range that runs backwards for one that holds nothing.
    if (low <= high) ranges.push(`${inClass(low)}-${inClass(high)}`);
    else ranges.push('');
  }
  return { source: `[${isNegated ? '^' : ''}${ranges.join('')}]`, at };
}

function inClass(char: string): string {
  return `\\u{${char.codePointAt(0)!.toString(16)}}`;
}

function literal(char: string): string {
  return /[.*+?^${}()|[\]\\/]/.test(char) ? `\\${char}` : char;
}
