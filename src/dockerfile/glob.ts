/** Tells whether one character matches. */
type Token = (char: string) => boolean;

/** The tokens between two stars. */
interface Chunk {
  /** True if a star precedes the chunk. */
  readonly followsStar: boolean;
  readonly tokens: readonly Token[];
}

/** Tells whether a path matches. */
export type Matcher = (path: string) => boolean;

/**
 * Compiles a pattern of COPY and ADD (Go's `filepath.Match`): `*` and `?` stop at slashes, `[a-z]`, `[^a]`, and `\` escapes.
 * The matcher compares whole paths. Returns undefined for a pattern that Go rejects. Like Go, the matcher gives each star the
 * shortest text that lets the next chunk match and never backtracks: its time is bounded by the product of the two lengths.
 */
export function compileGlob(pattern: string): Matcher | undefined {
  const chunks = parseChunks([...pattern]);
  if (chunks === undefined) return undefined;
  return (path) => {
    const name = [...path];
    let at = 0;
    for (const [index, chunk] of chunks.entries()) {
      const isLast = index === chunks.length - 1;
      if (chunk.followsStar && chunk.tokens.length === 0) return !name.includes('/', at);
      const end = matchChunk(chunk, name, at, isLast);
      if (end === undefined) return false;
      at = end;
    }
    return at === name.length;
  };
}

/**
 * Returns the end of the first match of a chunk, or undefined. The match begins at `start`, or later if a star precedes the
 * chunk; the last chunk must end with the name.
 */
function matchChunk(
  { followsStar, tokens }: Chunk,
  name: readonly string[],
  start: number,
  isLast: boolean,
): number | undefined {
  for (let at = start; at + tokens.length <= name.length; at++) {
    const end = at + tokens.length;
    const matches = tokens.every((token, index) => token(name[at + index]!));
    if (matches && (!isLast || end === name.length)) return end;
    if (!followsStar || name[at] === '/') return undefined;
  }
  return undefined;
}

function parseChunks(chars: readonly string[]): Chunk[] | undefined {
  const chunks: { followsStar: boolean; tokens: Token[] }[] = [];
  for (let at = 0; at < chars.length; ) {
    const last = chunks.at(-1);
    if (chars[at] === '*') {
      if (last === undefined || !last.followsStar || last.tokens.length > 0)
        chunks.push({ followsStar: true, tokens: [] });
      at++;
      continue;
    }
    const parsed = parseToken(chars, at);
    if (parsed === undefined) return undefined;
    if (last === undefined) chunks.push({ followsStar: false, tokens: [parsed.token] });
    else last.tokens.push(parsed.token);
    at = parsed.end;
  }
  return chunks;
}

interface ParsedToken {
  readonly token: Token;
  readonly end: number;
}

function parseToken(chars: readonly string[], at: number): ParsedToken | undefined {
  const char = chars[at]!;
  if (char === '[') return parseClass(chars, at);
  if (char === '?') return { token: (each) => each !== '/', end: at + 1 };
  const literalAt = char === '\\' ? at + 1 : at;
  const literal = chars[literalAt];
  return literal === undefined ? undefined : { token: (each) => each === literal, end: literalAt + 1 };
}

/** Parses the character class that opens at `start`. */
function parseClass(chars: readonly string[], start: number): ParsedToken | undefined {
  let at = start + 1;
  const isNegated = chars[at] === '^';
  if (isNegated) at++;
  const ranges: [low: number, high: number][] = [];
  const parseChar = (): number | undefined => {
    const char = chars[at];
    if (char === undefined || char === '-' || char === ']') return undefined;
    if (char === '\\') at++;
    return chars[at++]?.codePointAt(0);
  };
  while (ranges.length === 0 || chars[at] !== ']') {
    const low = parseChar();
    let high = low;
    if (chars[at] === '-') {
      at++;
      high = parseChar();
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
