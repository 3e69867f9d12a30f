import { alignColumns } from './format.ts';
import type { Paint } from './reporter.ts';

/** The result of rebuilding one up-to-date task. */
export interface ReproducedTask {
  readonly id: string;
  readonly verdict: 'same' | 'other' | 'unsteady' | 'failed' | 'skipped';
  readonly ran: readonly string[];
  readonly differing: readonly string[];
  readonly evidence: readonly string[];
  readonly message?: string;
}

/** Counts of what makes a Dockerfile hard to reproduce. `piped`: downloads that are piped to a shell. */
export interface DockerfilePurity {
  readonly dockerfile: string;
  readonly bases: number;
  readonly downloads: number;
  readonly piped: number;
  readonly packages: number;
}

/** Formats one result: a line for the task, then indented lines with possible causes of a difference. */
export function reproducedLines(
  { id, verdict, ran, differing, evidence, message }: ReproducedTask,
  paint: Paint,
): string[] {
  const files = listOf(differing);
  if (verdict === 'same') return [`${paint.good('✔')} ${id}  identical`];
  if (verdict === 'skipped') return [paint.dim(`· ${id}  not checked: ${message}`)];
  if (verdict === 'unsteady')
    return [paint.dim(`· ${id}  inconclusive: two runs in a row wrote different files: ${files}`)];
  if (verdict === 'failed') return [`${paint.bad('✖')} ${id}  rebuild failed: ${message}`];
  const difference =
    differing.length > 0
      ? `different files: ${files}`
      : `different image${ran[0] === undefined ? '' : `: ${ran[0]}`}`;
  return [
    `${paint.bad('✖')} ${id}  ${difference}`,
    ...causes({ differing, evidence }).map((line) => `    ${line}`),
  ];
}

/** BuildKit does not say whether its cache was pruned, so for an image that always remains a possible cause. */
function causes({ differing, evidence }: Pick<ReproducedTask, 'differing' | 'evidence'>): readonly string[] {
  if (differing.length > 0) return evidence;
  if (evidence.length > 0) return [...evidence, "or BuildKit's cache was pruned since then"];
  return ["the build reads an input that is not part of its key, or BuildKit's cache was pruned since then"];
}

function listOf(names: readonly string[]): string {
  return `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
}

/** Returns a grade from A (nothing external can change the result) to D (runs whatever it downloads). */
export function purityGrade({ bases, downloads, piped, packages }: DockerfilePurity): string {
  if (piped > 0) return 'D';
  if (downloads > 0) return 'C';
  return bases + packages > 0 ? 'B' : 'A';
}

/** Formats one row per Dockerfile with its grade and counts. Returns no lines if there are no rows. */
export function purityTable(rows: readonly DockerfilePurity[]): string[] {
  if (rows.length === 0) return [];
  const head = ['grade', 'Dockerfile', 'unpinned bases', 'downloads', 'piped to sh', 'packages'];
  const body = rows.map((row) => [
    `  ${purityGrade(row)}`,
    row.dockerfile,
    ...[row.bases, row.downloads, row.piped, row.packages].map((number) =>
      number === 0 ? '-' : String(number),
    ),
  ]);
  return alignColumns([head, ...body]);
}
