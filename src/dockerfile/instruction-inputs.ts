import { cleanPath } from './clean-path.ts';
import { compileGlob } from './glob.ts';
import { parseMount } from './mounts.ts';
import { type Instruction, instructionWords } from './parse.ts';
import { hasPlaceholder } from './placeholder.ts';
import type { Lookup } from './shell-words.ts';
import { tryExpand } from './stages.ts';

/** What an instruction takes. */
export interface InstructionInputs {
  /** Paths in the context, clean and without a slash first; the empty one is the whole of it. */
  readonly paths: readonly ContextPath[];
  /** Names of stages or images that it copies or mounts from. */
  readonly origins: readonly string[];
  /** Remote sources that have neither checksum nor commit. */
  readonly loose: readonly string[];
  /** Why it cannot be said exactly what it takes; undefined where it can. */
  readonly vague?: string;
}

/** A path, or a pattern with `*`, `?`, `[…]` that stop at slashes, and `\` before one that is none. */
export interface ContextPath {
  readonly path: string;
  readonly isPattern: boolean;
}

const nothing: InstructionInputs = { paths: [], origins: [], loose: [] };

const knownFlags: Readonly<Record<string, readonly string[]>> = {
  ADD: ['chown', 'chmod', 'link', 'keep-git-dir', 'checksum', 'unpack', 'exclude'],
  COPY: ['chown', 'chmod', 'link', 'from', 'exclude', 'parents'],
  FROM: ['platform'],
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'start-interval', 'retries'],
  RUN: ['mount', 'network', 'security', 'device'],
};

const experimentalFlags = new Set(['parents', 'exclude', 'unpack', 'device', 'security']);

/**
 * Flags that not every builder takes, of an instruction anywhere in a file: with them the file may be refused as a whole, though
 * the target does not see the instruction. So it is where a mount names a stage in upper case (docker 26.1: "repository name must
 * be lowercase").
 */
export function nonportableFlags({ keyword, flags }: Instruction): string[] {
  const isUncertain = (name: string): boolean =>
    experimentalFlags.has(name) || !(knownFlags[keyword] ?? []).includes(name);
  return flags.flatMap(({ name, value = '' }) => {
    if (isUncertain(name)) return [`${keyword} --${name}`];
    const from = keyword === 'RUN' && name === 'mount' ? parseMount(value)?.from : undefined;
    return from === undefined || from === from.toLowerCase() ? [] : [`${keyword} --${name}=from=${from}`];
  });
}

/** What an instruction takes, with the variables that it sees. @throws DockerfileError */
export function instructionInputs(
  instruction: Instruction,
  lookup: Lookup,
  escapeToken: string,
): InstructionInputs {
  const known = knownFlags[instruction.keyword] ?? [];
  const unknown = instruction.flags.find(({ name }) => !known.includes(name));
  const expand = (word: string): string | undefined => {
    const text = tryExpand(word, lookup, escapeToken, instruction.line);
    // A need's tag is known only in the run.
    return text === undefined || hasPlaceholder(text) ? undefined : text;
  };
  const taken = takenFrom(instruction, expand);
  const vague = unknown === undefined ? instruction.doubt : `--${unknown.name} is not known`;
  return vague === undefined ? taken : { ...taken, vague };
}

function takenFrom(instruction: Instruction, expand: Expand): InstructionInputs {
  if (instruction.keyword === 'RUN') return takenByRun(instruction, expand);
  if (instruction.keyword === 'COPY' || instruction.keyword === 'ADD')
    return takenByCopy(instruction, expand);
  return nothing;
}

type Expand = (word: string) => string | undefined;

function takenByCopy(instruction: Instruction, expand: Expand): InstructionInputs {
  const flag = (name: string): string | undefined =>
    instruction.flags.findLast((each) => each.name === name)?.value;
  const from = flag('from');
  // An empty one is the context.
  if (from) return { ...nothing, origins: [from] };
  const hasParents = (flag('parents') ?? 'false') !== 'false';
  const sources = instructionWords(instruction).slice(0, -1).map(expand);
  if (sources.includes(undefined))
    return { ...nothing, vague: 'a source hangs on a variable of the base image' };
  const isFixed = flag('checksum') !== undefined;
  const remote = sources.filter((source) => isRemote(source!)) as string[];
  const paths = sources
    .filter((source) => !/^https?:\/\//.test(source!))
    .map((source) => (hasParents ? withParents(source!) : contextPath(source!)));
  const invalid = paths.find(({ path, isPattern }) => isPattern && compileGlob(path) === undefined);
  if (invalid !== undefined) return { ...nothing, vague: `${invalid.path} is no valid pattern` };
  return {
    origins: [],
    loose: isFixed ? [] : remote.filter((source) => !/#[0-9a-f]{40}(:|$)|[?&]checksum=/.test(source)),
    paths,
  };
}

/**
 * As ADD tells a URL or a git repository from a path. Only `http` is sure to be one: what looks like a repository is a path
 * to old builders, and to all of them in COPY.
 */
function isRemote(source: string): boolean {
  return /^(https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:/.test(source);
}

function takenByRun(instruction: Instruction, expand: Expand): InstructionInputs {
  const paths: ContextPath[] = [];
  const origins: string[] = [];
  for (const { name, value } of instruction.flags) {
    if (name !== 'mount') continue;
    const mount = parseMount(value);
    const type = mount === undefined ? undefined : expand(mount.type)?.toLowerCase();
    if (mount === undefined || type === undefined)
      return { ...nothing, vague: 'a mount is written in an unusual way' };
    if (type !== 'bind' && type !== 'cache') continue;
    if (mount.from !== undefined) origins.push(mount.from);
    else if (type === 'bind') {
      const source = expand(mount.source);
      if (source === undefined) return { ...nothing, vague: 'a mount hangs on a variable of the base image' };
      // Old builders take it as it is written.
      for (const each of new Set([source, mount.source]))
        paths.push({ path: inContext(each), isPattern: false });
    }
  }
  return { paths, origins, loose: [] };
}

/** A source as a path below the context. */
function inContext(source: string): string {
  return cleanPath(`/${source}`).slice(1);
}

function contextPath(source: string): ContextPath {
  return { path: inContext(source), isPattern: hasWildcards(source) };
}

/** `--parents` has patterns of a kind of its own: all below what stands before the first wildcard, to be sure. */
function withParents(source: string): ContextPath {
  const pivot = source.indexOf('/./');
  const [parent, below] = pivot < 0 ? ['', source] : [source.slice(0, pivot), source.slice(pivot + 3)];
  const whole = inContext(`${inContext(parent)}/${inContext(below)}`);
  const special = whole.search(/[*?[\\]/);
  if (special < 0) return { path: whole, isPattern: false };
  return { path: whole.slice(0, Math.max(0, whole.lastIndexOf('/', special))), isPattern: false };
}

function hasWildcards(text: string): boolean {
  return /[*?[]/.test(text.replace(/\\[\s\S]/g, ''));
}
