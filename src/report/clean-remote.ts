import { alignColumns, clip, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** A repository, and what goes of it. */
export interface CleanedRepository {
  readonly name: string;
  /** How many tags there were. */
  readonly tags: number;
  /** By manifest. */
  readonly removals: readonly {
    readonly tags: readonly {
      readonly tag: string;
      readonly kind: 'dev' | 'content' | 'pass';
      /** Milliseconds. */
      readonly age?: number;
    }[];
    /** True: the image has no tag left. */
    readonly whole: boolean;
  }[];
}

interface Row {
  readonly tag: string;
  readonly age: number;
  readonly why: string;
}

/** How many tags of a repository are shown, and how long they may be, where not all is asked for. */
const most = { rows: 12, width: 43 };
const dayMs = 86_400_000;

/** What goes from a registry, repository by repository: tags, ages, reasons. `isDone`: it is gone already. */
export function cleanRemoteText(
  repositories: readonly CleanedRepository[],
  paint: Paint,
  { isDone, verbose }: { isDone: boolean; verbose: boolean },
): string[] {
  const lines = repositories
    .filter(({ removals }) => removals.length > 0)
    .flatMap(({ name, tags, removals }) => {
      const rows = removals.flatMap(rowsOf).sort((a, b) => b.age - a.age);
      const shown = verbose ? rows : rows.slice(0, most.rows);
      const cells = shown.map(({ tag, age, why }) => [
        `  ${verbose ? tag : clip(tag, most.width)}`,
        age > 0 ? `${Math.floor(age / dayMs)} d` : '',
        why,
      ]);
      const more = rows.length - shown.length;
      const head = `${paint.bold(name)}  ${tagsOf(removals)} of ${pluralize(tags, 'tag')}`;
      return [
        head,
        ...alignColumns(cells),
        ...(more > 0 ? [paint.dim(`  … and ${more} more (-v shows all)`)] : []),
        '',
      ];
    });
  return [...lines, ...summary(repositories, isDone)];
}

function summary(repositories: readonly CleanedRepository[], isDone: boolean): string[] {
  const all = repositories.reduce((sum, { tags }) => sum + tags, 0);
  const seen = `${pluralize(all, 'tag')} in ${repositories.length === 1 ? '1 repository' : `${repositories.length} repositories`}`;
  const removals = repositories.flatMap((each) => each.removals);
  if (removals.length === 0) return [`nothing to remove: ${seen}, all of use`];
  const images = removals.filter(({ whole }) => whole).length;
  const number = tagsOf(removals);
  return [
    `${isDone ? 'gone' : 'would go'}: ${number} of ${seen}${images > 0 ? `, and ${pluralize(images, 'image')} with them` : ''}`,
    'Untagged images go when the registry next collects its garbage.',
    ...(isDone ? [] : ['next: tasks clean --remote   removes them']),
  ];
}

function tagsOf(removals: CleanedRepository['removals']): number {
  return removals.reduce((sum, { tags }) => sum + tags.length, 0);
}

/** A row for each tag; passes stand in the row of their image, where that goes, too. */
function rowsOf({ tags, whole }: CleanedRepository['removals'][number]): Row[] {
  const passes = tags.filter(({ kind }) => kind === 'pass');
  const content = tags.find(({ kind }) => kind === 'content');
  const alone = content === undefined ? passes : [];
  const mark = passes.length === 1 ? ' + its test pass' : ` + ${passes.length} test passes`;
  return [
    ...tags.flatMap(({ tag, kind, age = 0 }) => {
      if (kind === 'dev') return [{ tag, age, why: whole ? 'dev tag' : 'dev tag; its image stays' }];
      if (kind === 'content')
        return [{ tag, age, why: `no task has this key${passes.length > 0 ? mark : ''}` }];
      return [];
    }),
    ...alone.map(({ tag }) => ({ tag, age: 0, why: 'pass of an image that is gone' })),
  ];
}
