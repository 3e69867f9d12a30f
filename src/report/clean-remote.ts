import { alignColumns, clip, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** A repository and what is removed from it. */
export interface CleanedRepository {
  readonly name: string;
  /** The number of tags before the removal. */
  readonly tags: number;
  /** One entry per manifest. */
  readonly removals: readonly {
    readonly tags: readonly {
      readonly tag: string;
      readonly kind: 'dev' | 'content' | 'pass';
      /** Milliseconds. */
      readonly age?: number;
    }[];
    /** True if the image has no tag left. */
    readonly whole: boolean;
  }[];
}

interface Row {
  readonly tag: string;
  readonly age: number;
  readonly reason: string;
}

/** Without `verbose`, the number of tags shown per repository and the width to which they are cut. */
const limits = { rows: 12, width: 43 };
const dayMs = 86_400_000;

/** Formats what is removed from a registry: per repository, each tag with its age and the reason. `isDone`: not a dry run. */
export function cleanRemoteText(
  repositories: readonly CleanedRepository[],
  paint: Paint,
  { isDone, verbose }: { isDone: boolean; verbose: boolean },
): string[] {
  const lines = repositories
    .filter(({ removals }) => removals.length > 0)
    .flatMap(({ name, tags, removals }) => {
      const rows = removals.flatMap(rowsOf).sort((a, b) => b.age - a.age);
      const shown = verbose ? rows : rows.slice(0, limits.rows);
      const cells = shown.map(({ tag, age, reason }) => [
        `  ${verbose ? tag : clip(tag, limits.width)}`,
        age > 0 ? `${Math.floor(age / dayMs)} d` : '',
        reason,
      ]);
      const more = rows.length - shown.length;
      const heading = `${paint.bold(name)}  ${countTags(removals)} of ${pluralize(tags, 'tag')}`;
      return [
        heading,
        ...alignColumns(cells),
        ...(more > 0 ? [paint.dim(`  … and ${more} more (use -v to show all)`)] : []),
        '',
      ];
    });
  return [...lines, ...summary(repositories, isDone)];
}

function summary(repositories: readonly CleanedRepository[], isDone: boolean): string[] {
  const tags = repositories.reduce((sum, each) => sum + each.tags, 0);
  const total = `${pluralize(tags, 'tag')} in ${repositories.length === 1 ? '1 repository' : `${repositories.length} repositories`}`;
  const removals = repositories.flatMap((each) => each.removals);
  if (removals.length === 0) return [`nothing to remove: ${total}, all in use`];
  const images = removals.filter(({ whole }) => whole).length;
  return [
    `${isDone ? 'removed' : 'would remove'} ${countTags(removals)} of ${total}${images > 0 ? `, and ${pluralize(images, 'image')}` : ''}`,
    'The registry deletes untagged images at its next garbage collection.',
    ...(isDone ? [] : ['next: tasks clean --remote   # removes them']),
  ];
}

function countTags(removals: CleanedRepository['removals']): number {
  return removals.reduce((sum, { tags }) => sum + tags.length, 0);
}

/** Returns a row per tag. Test passes are counted in the row of their image if that is removed too. */
function rowsOf({ tags, whole }: CleanedRepository['removals'][number]): Row[] {
  const passes = tags.filter(({ kind }) => kind === 'pass');
  const content = tags.find(({ kind }) => kind === 'content');
  const orphans = content === undefined ? passes : [];
  const suffix = passes.length === 1 ? ' + its test pass' : ` + ${passes.length} test passes`;
  return [
    ...tags.flatMap(({ tag, kind, age = 0 }) => {
      if (kind === 'dev')
        return [{ tag, age, reason: whole ? 'dev tag' : 'dev tag; the image has other tags' }];
      if (kind === 'content')
        return [{ tag, age, reason: `no task has this key${passes.length > 0 ? suffix : ''}` }];
      return [];
    }),
    ...orphans.map(({ tag }) => ({ tag, age: 0, reason: 'test pass of a removed image' })),
  ];
}
