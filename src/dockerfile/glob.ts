/** Says whether one character is as a pattern wants it. */
type Token = (char: string) => boolean;

/** What stands between two stars; `isFree`: a star stands before it. */
interface Chunk {
  readonly isFree: boolean;
  readonly tokens: readonly Token[];
}

/** Says whether a path is as a pattern wants it. */
export type Matcher = (path: string) => boolean;

/**
 * A pattern as COPY and ADD take them (Go's `filepath.Match`): `*` and `?` stop at slashes, `[a-z]`, `[^a]`, `\` before
 * one that is none. It matches whole paths. Undefined for a pattern that Go refuses. As Go does, it gives each star the
 * shortest text that lets the next chunk match and never goes back: its time is the product of the two lengths at most.
 */
export function compileGlob(pattern: string): Matcher | undefined {
  const chunks = readChunks([...pattern]);
  if (chunks === undefined) return undefined;
  return (path) => {
    const name = [...path];
    let at = 0;
    for (const [index, chunk] of chunks.entries()) {
      const isLast = index === chunks.length - 1;
      if (chunk.isFree && chunk.tokens.length === 0) return !name.includes('/', at);
      const end = place(chunk, name, at, isLast);
      if (end === undefined) return false;
      at = end;
    }
    return at === name.length;
  };
}

/** Where a chunk ends that begins at `start`, or behind it where a star lets it; the last one must end with the name. */
function place(
  { isFree, tokens }: Chunk,
  name: readonly string[],
  start: number,
  isLast: boolean,
): number | undefined {
  for (let at = start; at + tokens.length <= name.length; at++) {
    const end = at + tokens.length;
    const isHere = tokens.every((token, index) => token(name[at + index]!));
    if (isHere && (!isLast || end === name.length)) return end;
    if (!isFree || name[at] === '/') return undefined;
  }
  return undefined;
}

function readChunks(chars: readonly string[]): Chunk[] | undefined {
  const chunks: { isFree: boolean; tokens: Token[] }[] = [];
  for (let at = 0; at < chars.length; ) {
    const last = chunks.at(-1);
    if (chars[at] === '*') {
      if (last === undefined || !last.isFree || last.tokens.length > 0)
        chunks.push({ isFree: true, tokens: [] });
      at++;
      continue;
    }
    const read = tokenAt(chars, at);
    if (read === undefined) return undefined;
    if (last === undefined) chunks.push({ isFree: false, tokens: [read.token] });
    else last.tokens.push(read.token);
    at = read.end;
  }
  return chunks;
}

interface Read {
  readonly token: Token;
  readonly end: number;
}

function tokenAt(chars: readonly string[], at: number): Read | undefined {
  const char = chars[at]!;
  if (char === '[') return classAt(chars, at);
  if (char === '?') return { token: (each) => each !== '/', end: at + 1 };
  const literalAt = char === '\\' ? at + 1 : at;
  const literal = chars[literalAt];
  return literal === undefined ? undefined : { token: (each) => each === literal, end: literalAt + 1 };
}

/** The class that opens at `start`. */
function classAt(chars: readonly string[], start: number): Read | undefined {
  let at = start + 1;
  const isNegated = chars[at] === '^';
  if (isNegated) at++;
  const ranges: [low: number, high: number][] = [];
  const one = (): number | undefined => {
    const char = chars[at];
    if (char === undefined || char === '-' || char === ']') return undefined;
    if (char === '\\') at++;
    return chars[at++]?.codePointAt(0);
  };
  while (ranges.length === 0 || chars[at] !== ']') {
    const low = one();
    let high = low;
    if (chars[at] === '-') {
      at++;
      high = one();
    }
    if (low === undefined || high === undefined) return undefined;
    ranges.push([low, high]);
  }
  const token = (char: string): boolean => {
    const code = char.codePointAt(0)!;
    return ranges.some(([low, high]) => low <= code && code <= high) !== isNegated;
  };
  return { token, end: at + 1 };
}
