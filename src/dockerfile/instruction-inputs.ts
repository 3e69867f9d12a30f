import { cleanPath } from './clean-path.ts';
import { type ContextPath, wholeContext } from './context-path.ts';
import { compileGlob } from './glob.ts';
import { parseMount } from './mounts.ts';
import { type Instruction, instructionWords } from './parse.ts';
import { hasPlaceholder } from './placeholder.ts';
import type { Lookup } from './shell-words.ts';
import { tryExpand } from './stages.ts';

/** The files that an instruction reads. */
export interface InstructionInputs {
  /** Paths in the build context. */
  readonly paths: readonly ContextPath[];
  /** Those of the paths without which every BuildKit version fails. */
  readonly required: readonly string[];
  /** The stages, images or named contexts that it copies or mounts from. */
  readonly origins: readonly Origin[];
  /** Remote sources without a checksum or a commit. */
  readonly unverifiedDownloads: readonly string[];
  /** Why its inputs are not known exactly; undefined if they are. */
  readonly vague?: string;
}

/** What `--from` or a mount's `from` names. */
export interface Origin {
  readonly name: string;
  /** Returns the paths that are read from it. @throws DockerfileError for an invalid word */
  paths(): readonly ContextPath[];
}

const noInputs: InstructionInputs = { paths: [], required: [], origins: [], unverifiedDownloads: [] };

const knownFlags: Readonly<Record<string, readonly string[]>> = {
  ADD: ['chown', 'chmod', 'link', 'keep-git-dir', 'checksum', 'unpack', 'exclude'],
  COPY: ['chown', 'chmod', 'link', 'from', 'exclude', 'parents'],
  FROM: ['platform'],
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'start-interval', 'retries'],
  RUN: ['mount', 'network', 'security', 'device'],
};

const experimentalFlags = new Set(['parents', 'exclude', 'unpack', 'device', 'security']);

/**
 * Returns the flags of an instruction that not every builder accepts. A builder may reject the whole file because of them, even
 * if the target doesn't use the instruction. A mount from a stage in upper case is one of them (docker 26.1: "repository name
 * must be lowercase").
 */
export function nonportableFlags({ keyword, flags }: Instruction): string[] {
  const isNonportable = (name: string): boolean =>
    experimentalFlags.has(name) || !(knownFlags[keyword] ?? []).includes(name);
  return flags.flatMap(({ name, value = '' }) => {
    if (isNonportable(name)) return [`${keyword} --${name}`];
    const from = keyword === 'RUN' && name === 'mount' ? parseMount(value)?.from : undefined;
    return from === undefined || from === from.toLowerCase() ? [] : [`${keyword} --${name}=from=${from}`];
  });
}

/** Returns the files that an instruction reads, given the variables that it sees. @throws DockerfileError for an invalid word */
export function instructionInputs(
  instruction: Instruction,
  lookup: Lookup,
  escapeToken: string,
): InstructionInputs {
  const known = knownFlags[instruction.keyword] ?? [];
  const unknown = instruction.flags.find(({ name }) => !known.includes(name));
  const expand = (word: string): string | undefined => {
    const text = tryExpand(word, lookup, escapeToken, instruction.line);
    // The value of a need's build arg is known only when the task runs.
    return text === undefined || hasPlaceholder(text) ? undefined : text;
  };
  const inputs = inputsByKeyword(instruction, expand);
  const vague = unknown === undefined ? instruction.ambiguity : `unknown flag --${unknown.name}`;
  return vague === undefined ? inputs : { ...inputs, vague };
}

function inputsByKeyword(instruction: Instruction, expand: Expand): InstructionInputs {
  if (instruction.keyword === 'RUN') return runInputs(instruction, expand);
  if (instruction.keyword === 'COPY' || instruction.keyword === 'ADD') return copyInputs(instruction, expand);
  return noInputs;
}

type Expand = (word: string) => string | undefined;

function copyInputs(instruction: Instruction, expand: Expand): InstructionInputs {
  const flag = (name: string): string | undefined =>
    instruction.flags.findLast((each) => each.name === name)?.value;
  const from = flag('from');
  // An empty `--from` means the build context.
  const hasParents = (flag('parents') ?? 'false') !== 'false';
  const toPath = hasParents ? parentsPath : contextPath;
  if (from)
    return { ...noInputs, origins: [{ name: from, paths: () => originPaths(instruction, expand, toPath) }] };
  const sources = instructionWords(instruction).slice(0, -1).map(expand);
  if (sources.includes(undefined))
    return { ...noInputs, vague: 'a source depends on a variable of the base image' };
  const hasChecksum = flag('checksum') !== undefined;
  const remote = sources.filter((source) => isRemote(source!)) as string[];
  const paths = sources.filter((source) => !/^https?:\/\//.test(source!)).map((source) => toPath(source!));
  const invalid = paths.find(isInvalid);
  if (invalid !== undefined) return { ...noInputs, vague: `invalid pattern ${invalid.path}` };
  const hasFilter = hasParents || flag('exclude') !== undefined;
  const local = hasFilter ? [] : sources.filter((source) => !isRemote(source!) && isLiteral(source!));
  return {
    origins: [],
    required: local.map((source) => inContext(source!)),
    unverifiedDownloads: hasChecksum
      ? []
      : remote.filter((source) => !/#[0-9a-f]{40}(:|$)|[?&]checksum=/.test(source)),
    paths,
  };
}

function isInvalid({ path, isPattern }: ContextPath): boolean {
  return isPattern && compileGlob(path) === undefined;
}

/** Returns the paths that a `COPY --from` reads: everything, if they are not known exactly. */
function originPaths(
  instruction: Instruction,
  expand: Expand,
  toPath: (source: string) => ContextPath,
): readonly ContextPath[] {
  const sources = instructionWords(instruction).slice(0, -1).map(expand);
  const paths = sources.map((source) => (source === undefined ? wholeContext : toPath(source)));
  return paths.some(isInvalid) ? [wholeContext] : paths;
}

/**
 * Tells whether ADD reads a source as a URL or a git repository. Only `http` is certain: older builders, and COPY in all
 * builders, read a git address as a path.
 */
function isRemote(source: string): boolean {
  return /^(https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:/.test(source);
}

function runInputs(instruction: Instruction, expand: Expand): InstructionInputs {
  const paths: ContextPath[] = [];
  const required: string[] = [];
  const origins: Origin[] = [];
  for (const { name, value } of instruction.flags) {
    if (name !== 'mount') continue;
    const mount = parseMount(value);
    const type = mount === undefined ? undefined : expand(mount.type)?.toLowerCase();
    if (mount === undefined || type === undefined)
      return { ...noInputs, vague: 'a mount is written in an unsupported form' };
    if (type !== 'bind' && type !== 'cache') continue;
    const { from } = mount;
    if (from !== undefined)
      origins.push({ name: from, paths: () => mountPaths(mount.source, expand) ?? [wholeContext] });
    else if (type === 'bind') {
      const found = mountPaths(mount.source, expand);
      if (found === undefined)
        return { ...noInputs, vague: 'a mount depends on a variable of the base image' };
      paths.push(...found);
      // Where BuildKit versions read different paths, any one may do.
      if (found.length === 1) required.push(found[0]!.path);
    }
  }
  return { paths, required, origins, unverifiedDownloads: [] };
}

/** Returns the paths that a mount may read; undefined if they depend on a variable of the base image. */
function mountPaths(written: string, expand: Expand): ContextPath[] | undefined {
  const source = expand(written);
  if (source === undefined) return undefined;
  // Older builders don't expand variables in it.
  return [...new Set([source, written].map(inContext))].map((path) => ({ path, isPattern: false }));
}

/** Returns a source as a path relative to the context's root. */
function inContext(source: string): string {
  return cleanPath(`/${source}`).slice(1);
}

function contextPath(source: string): ContextPath {
  return { path: inContext(source), isPattern: hasWildcards(source) };
}

/** `--parents` has its own pattern syntax, so everything below the folder before the first wildcard counts. */
function parentsPath(source: string): ContextPath {
  const pivot = source.indexOf('/./');
  const [parent, below] = pivot < 0 ? ['', source] : [source.slice(0, pivot), source.slice(pivot + 3)];
  const whole = inContext(`${inContext(parent)}/${inContext(below)}`);
  const wildcard = whole.search(/[*?[\\]/);
  if (wildcard < 0) return { path: whole, isPattern: false };
  return { path: whole.slice(0, Math.max(0, whole.lastIndexOf('/', wildcard))), isPattern: false };
}

/**
 * Tells whether a source is not a pattern. A pattern may match nothing, even in a folder that does not exist: whether BuildKit then
 * fails depends on what is in its cache.
 */
function isLiteral(source: string): boolean {
  return !/[*?[\\]/.test(source);
}

function hasWildcards(text: string): boolean {
  return /[*?[]/.test(text.replace(/\\[\s\S]/g, ''));
}
