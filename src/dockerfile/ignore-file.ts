import { cleanPath } from './clean-path.ts';
import { compileIgnorePattern, type IgnorePattern } from './ignore-pattern.ts';
import { trim } from './whitespace.ts';

/**
 * A compiled ignore file. Paths are relative to the context's root, clean, with `/`, and case-sensitive. Results for
 * directories are cached, so checking every path of a tree is cheap.
 */
export interface IgnoreFile {
  /** Tells whether a path is excluded. A directory that contains an included path exists in the context even if excluded. */
  ignores(path: string): boolean;
  /** For an excluded directory: false if nothing below it can be included again, so that a walk can skip it. */
  mayReinclude(dir: string): boolean;
}

/** A line of an ignore file that docker rejects. */
export class IgnoreError extends Error {
  override readonly name = 'IgnoreError';
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

interface Rule extends IgnorePattern {
  /** True for a rule with `!`. */
  readonly reincludes: boolean;
}

/** The result for one path. `matched` says for each rule whether it matched the path or a directory above it. */
interface Verdict {
  readonly ignored: boolean;
  readonly matched: readonly boolean[];
}

/**
 * Parses an ignore file the way docker does (moby/patternmatcher and its `ignorefile` reader). The last rule that matches a
 * path or a directory above it decides; a rule with `!` includes the path again. Docker doesn't try a rule that could not
 * change the verdict on a directory, so such a rule doesn't apply below the directory either: `a/b`, `!a` excludes `a/b`.
 * @throws IgnoreError for a line that docker rejects
 */
export function compileIgnoreFile(text: string): IgnoreFile {
  const rules = parseRules(text);
  const cache = new Map<string, Verdict>();

  const judge = (path: string): Verdict => {
    const dir = parent(path);
    const above = dir === '' ? undefined : judgeDir(dir);
    let ignored = false;
    const matched = rules.map((rule, index) => {
      const matches = above?.matched[index] === true || (rule.reincludes === ignored && rule.matches(path));
      if (matches) ignored = !rule.reincludes;
      return matches;
    });
    return { ignored, matched };
  };
  const judgeDir = (dir: string): Verdict => {
    const verdict = cache.get(dir) ?? judge(dir);
    cache.set(dir, verdict);
    return verdict;
  };

  return {
    ignores: (path) => rules.length > 0 && judge(path).ignored,
    mayReinclude: (dir) => {
      const lastMatch = judgeDir(dir).matched.lastIndexOf(true);
      return rules.some((rule, index) => index > lastMatch && rule.reincludes && rule.mayMatchBelow(dir));
    },
  };
}

function parent(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

function parseRules(text: string): Rule[] {
  const rules: Rule[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (line.startsWith('#')) continue;
    try {
      const rule = parseRule(trim(line));
      if (rule !== undefined) rules.push(rule);
    } catch (error) {
      throw new IgnoreError(index + 1, `invalid pattern "${trim(line)}": ${(error as Error).message}`);
    }
  }
  return rules;
}

function parseRule(line: string): Rule | undefined {
  if (line === '') return undefined;
  const isException = line.startsWith('!');
  const written = isException ? trim(line.slice(1)) : line;
  if (written === '') throw new Error('nothing follows the "!"');
  const cleaned = cleanPath(written);
  const relative = cleaned.startsWith('/') && cleaned.length > 1 ? cleaned.slice(1) : cleaned;
  // Docker trims and cleans again with the "!" in front, which leaves nothing of "!/" and reads "/!x" as "!x".
  const cleanedAgain = cleanPath(trim(`${isException ? '!' : ''}${relative}`));
  if (cleanedAgain === '!') throw new Error('nothing follows the "!"');
  return cleanedAgain.startsWith('!')
    ? { reincludes: true, ...compileIgnorePattern(cleanedAgain.slice(1)) }
    : { reincludes: false, ...compileIgnorePattern(cleanedAgain) };
}
