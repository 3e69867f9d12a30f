import { alignColumns } from './format.ts';
import type { Paint } from './reporter.ts';

/** One task that was built again. */
export interface ReproducedTask {
  readonly id: string;
  readonly verdict: 'same' | 'other' | 'unsteady' | 'failed' | 'skipped';
  readonly ran: readonly string[];
  readonly differing: readonly string[];
  readonly evidence: readonly string[];
  readonly message?: string;
}

/** How many loose ends a Dockerfile has, by kind. */
export interface DockerfilePurity {
  readonly dockerfile: string;
  readonly bases: number;
  readonly downloads: number;
  readonly piped: number;
  readonly packages: number;
}

/** A line for a task, and below it what points at why it is made otherwise. */
export function reproducedLines(
  { id, verdict, ran, differing, evidence, message }: ReproducedTask,
  paint: Paint,
): string[] {
  const files = listOf(differing);
  if (verdict === 'same') return [`${paint.good('✔')} ${id}  the same`];
  if (verdict === 'skipped') return [paint.dim(`· ${id}  not audited: ${message}`)];
  if (verdict === 'unsteady')
    return [paint.dim(`· ${id}  not the same twice, which tells nothing: ${files}`)];
  if (verdict === 'failed') return [`${paint.bad('✖')} ${id}  cannot be made: ${message}`];
  const what =
    differing.length > 0
      ? `other files: ${files}`
      : `another image${ran[0] === undefined ? '' : `: ${ran[0]}`}`;
  return [
    `${paint.bad('✖')} ${id}  ${what}`,
    ...reasons({ differing, evidence }).map((line) => `    ${line}`),
  ];
}

/** Whether BuildKit's cache was pruned, only its own memory could tell. */
function reasons({ differing, evidence }: Pick<ReproducedTask, 'differing' | 'evidence'>): readonly string[] {
  if (differing.length > 0) return evidence;
  if (evidence.length > 0) return [...evidence, "or BuildKit's cache was pruned since"];
  return ["it reads something that its key does not know, or BuildKit's cache was pruned since"];
}

function listOf(names: readonly string[]): string {
  return `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
}

/** A for what nothing from outside can change, down to D for what runs whatever it is sent. */
export function purityGrade({ bases, downloads, piped, packages }: DockerfilePurity): string {
  if (piped > 0) return 'D';
  if (downloads > 0) return 'C';
  return bases + packages > 0 ? 'B' : 'A';
}

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
