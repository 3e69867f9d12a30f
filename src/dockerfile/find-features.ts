import type { FeatureName, UsedFeature } from './features.ts';
import { findModifiers } from './modifiers.ts';
import { parseMount } from './mounts.ts';
import { type Instruction, instructionWords } from './parse.ts';

/** The flags that are features. A frontend that does not know a flag rejects the whole file, whatever the target is. */
const flagFeatures: ReadonlySet<string> = new Set<FeatureName>([
  'ADD --link',
  'COPY --link',
  'ADD --checksum',
  'ADD --keep-git-dir',
  'ADD --unpack',
  'ADD --exclude',
  'COPY --exclude',
  'COPY --parents',
  'HEALTHCHECK --start-interval',
  'RUN --network',
  'RUN --security',
  'RUN --device',
]);

/**
 * Returns the features that a Dockerfile uses, each once. `all`: its instructions. `reachable`: those that a build evaluates;
 * the others are only parsed.
 */
export function findFeatures(
  all: readonly Instruction[],
  reachable: readonly Instruction[],
  escapeToken: string,
): UsedFeature[] {
  const found = new Map<FeatureName, number>();
  const add = (instructions: readonly Instruction[], namesIn: (each: Instruction) => FeatureName[]): void => {
    for (const instruction of instructions)
      for (const name of namesIn(instruction)) if (!found.has(name)) found.set(name, instruction.line);
  };
  add(all, parsedFeatures);
  add(reachable, (instruction) => evaluatedFeatures(instruction, escapeToken));
  return [...found].map(([name, line]) => ({ name, line })).sort((a, b) => a.line - b.line);
}

function parsedFeatures({ keyword, flags, heredocs, trigger }: Instruction): FeatureName[] {
  const names = flags.map(({ name }) => `${keyword} --${name}`).filter((name) => flagFeatures.has(name));
  // It crashes an engine, also as a trigger in another build.
  const mounts = [...mountsOf(flags), ...mountsOf(trigger?.flags ?? [])];
  return [
    ...(heredocs.length > 0 ? (['heredoc'] as const) : []),
    ...(names as FeatureName[]),
    ...(mounts.some(({ type, from }) => type === 'tmpfs' && from !== undefined)
      ? (['tmpfs from'] as const)
      : []),
  ];
}

function evaluatedFeatures(instruction: Instruction, escapeToken: string): FeatureName[] {
  switch (instruction.keyword) {
    case 'RUN':
      return mountFeatures(instruction);
    case 'ADD':
      return [
        ...(instructionWords(instruction).slice(0, -1).some(isRepository) ? (['ADD git'] as const) : []),
        ...copyFeatures(instruction, escapeToken),
      ];
    case 'COPY':
      return copyFeatures(instruction, escapeToken);
    default:
      return expanded.has(instruction.keyword) ? modifierFeatures(textsOf(instruction), escapeToken) : [];
  }
}

/** The other instructions in which the frontend replaces variables. */
const expanded: ReadonlySet<string> = new Set([
  'ARG',
  'ENV',
  'EXPOSE',
  'FROM',
  'LABEL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]);

/** moby/buildkit util/gitutil/git_ref.go. What is a repository without saying so (`github.com/…`) may also be a path. */
function isRepository(source: string): boolean {
  return /^(?:git|ssh):\/\/|^https?:\/\/[^?#]+\.git(?:#|$)|^[\w.-]+@[\w.-]+:/.test(source);
}

function copyFeatures(instruction: Instruction, escapeToken: string): FeatureName[] {
  const chmod = instruction.flags.findLast(({ name }) => name === 'chmod')?.value ?? '';
  const contents = instruction.heredocs.flatMap(({ expand, content }) => (expand ? [content] : []));
  return [
    ...(chmod.includes('$') ? (['chmod variable'] as const) : []),
    ...(/^[^$0-7]/.test(chmod) ? (['chmod symbolic'] as const) : []),
    ...modifierFeatures(textsOf(instruction), escapeToken),
    ...modifierFeatures(contents, escapeToken, true),
  ];
}

function textsOf({ rest, flags }: Instruction): string[] {
  return [rest, ...flags.map(({ value }) => value)];
}

function modifierFeatures(texts: readonly string[], escapeToken: string, keepsQuotes = false): FeatureName[] {
  const modifiers = texts.flatMap((text) => findModifiers(text, escapeToken, keepsQuotes));
  return [
    ...(modifiers.some((each) => '+-'.includes(each)) ? (['unset modifier'] as const) : []),
    ...(modifiers.some((each) => '#%/'.includes(each)) ? (['pattern modifier'] as const) : []),
  ];
}

function mountFeatures({ flags }: Instruction): FeatureName[] {
  const has = (wanted: string, key: string): boolean =>
    mountsOf(flags).some(({ type, keys }) => type === wanted && keys.includes(key));
  return [
    ...(has('tmpfs', 'size') ? (['tmpfs size'] as const) : []),
    ...(has('secret', 'env') ? (['secret env'] as const) : []),
  ];
}

function mountsOf(flags: Instruction['flags']): { type: string; from: string | undefined; keys: string[] }[] {
  return flags.flatMap(({ name, value }) => {
    const mount = name === 'mount' ? parseMount(value) : undefined;
    if (mount === undefined) return [];
    const keys = value.split(',').map((field) => field.split('=', 1)[0]!.toLowerCase());
    return [{ type: mount.type.toLowerCase(), from: mount.from, keys }];
  });
}
