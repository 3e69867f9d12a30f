import { cleanPath } from './clean-path.ts';
import { compileIgnorePattern, type IgnorePattern } from './ignore-pattern.ts';
import { trim } from './whitespace.ts';

/**
 * What an ignore file says of a context's paths. Paths are relative to the context's root, clean, with `/`, and
 * case counts. Answers for directories are remembered, so asking for all paths of a tree is cheap.
 */
export interface IgnoreFile {
  /** True where the path is left out of the context. A directory that holds a path not left out exists nevertheless. */
  ignores(path: string): boolean;
  /** Of an ignored directory: false where nothing below it can come back, so that a walk may pass it by. */
  mayReinclude(dir: string): boolean;
}

/** A line of an ignore file that docker refuses. */
export class IgnoreError extends Error {
  override readonly name = 'IgnoreError';
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

interface Rule extends IgnorePattern {
  readonly brings: boolean;
}

/** What the rules said of one path: the verdict, and for each rule whether it matched the path or a directory above it. */
interface Verdict {
  readonly ignored: boolean;
  readonly matched: readonly boolean[];
}

/**
 * Reads an ignore file as docker does (moby/patternmatcher, its reader `ignorefile` included): the last rule that
 * matches a path or a directory above it decides; `!` brings back. A rule that could not change the verdict on a
 * directory is not tried there, so it does not reach below it either: `a/b`, `!a` leaves `a/b` out. Throws an
 * IgnoreError for a line docker refuses.
 */
export function compileIgnoreFile(text: string): IgnoreFile {
  const rules = readRules(text);
  const known = new Map<string, Verdict>();

  const judge = (path: string): Verdict => {
    const dir = parent(path);
    const above = dir === '' ? undefined : judgeDir(dir);
    let ignored = false;
    const matched = rules.map((rule, index) => {
      const matches = above?.matched[index] === true || (rule.brings === ignored && rule.matches(path));
      if (matches) ignored = !rule.brings;
      return matches;
    });
    return { ignored, matched };
  };
  const judgeDir = (dir: string): Verdict => {
    const verdict = known.get(dir) ?? judge(dir);
    known.set(dir, verdict);
    return verdict;
  };

  return {
    ignores: (path) => rules.length > 0 && judge(path).ignored,
    mayReinclude: (dir) => {
      const decider = judgeDir(dir).matched.lastIndexOf(true);
      return rules.some((rule, index) => index > decider && rule.brings && rule.mayMatchBelow(dir));
    },
  };
}

function parent(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

function readRules(text: string): Rule[] {
  const rules: Rule[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (line.startsWith('#')) continue;
    try {
      const rule = readRule(trim(line));
      if (rule !== undefined) rules.push(rule);
    } catch (error) {
      throw new IgnoreError(index + 1, `"${trim(line)}" is no valid pattern: ${(error as Error).message}`);
    }
  }
  return rules;
}

function readRule(line: string): Rule | undefined {
  if (line === '') return undefined;
  const brings = line.startsWith('!');
  const written = brings ? trim(line.slice(1)) : line;
  if (written === '') throw new Error('nothing follows the "!"');
  const cleaned = cleanPath(written);
  const anchored = cleaned.startsWith('/') && cleaned.length > 1 ? cleaned.slice(1) : cleaned;
  // docker trims and cleans once more with the "!" in front, which leaves nothing of "!/" and takes "/!x" for "!x".
  const again = cleanPath(trim(`${brings ? '!' : ''}${anchored}`));
  if (again === '!') throw new Error('nothing follows the "!"');
  return again.startsWith('!')
    ? { brings: true, ...compileIgnorePattern(again.slice(1)) }
    : { brings: false, ...compileIgnorePattern(again) };
}
