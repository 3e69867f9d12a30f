import { columns } from './format.ts';
import type { Paint } from './reporter.ts';

/** One task that was built again. */
export interface AuditedTask {
  readonly id: string;
  readonly verdict: 'same' | 'other' | 'failed' | 'skipped';
  readonly ran: readonly string[];
  readonly message?: string;
}

/** How many loose ends a Dockerfile has, by kind. */
export interface Purity {
  readonly dockerfile: string;
  readonly bases: number;
  readonly downloads: number;
  readonly piped: number;
  readonly packages: number;
}

export function auditedLine({ id, verdict, ran, message }: AuditedTask, paint: Paint): string {
  if (verdict === 'same') return `${paint.good('✔')} ${id}  the same`;
  if (verdict === 'skipped') return paint.dim(`· ${id}  not audited: ${message}`);
  if (verdict === 'failed') return `${paint.bad('✖')} ${id}  cannot be built: ${message}`;
  const first = ran[0] === undefined ? '' : `: ${ran[0]}`;
  // Which of the two it is, only BuildKit's own memory could tell.
  return `${paint.bad('✖')} ${id}  another image${first}\n    it reads something that its key does not know, or BuildKit's cache was pruned since`;
}

/** A for what nothing from outside can change, down to D for what runs whatever it is sent. */
export function grade({ bases, downloads, piped, packages }: Purity): string {
  if (piped > 0) return 'D';
  if (downloads > 0) return 'C';
  return bases + packages > 0 ? 'B' : 'A';
}

export function purityTable(rows: readonly Purity[]): string[] {
  if (rows.length === 0) return [];
  const head = ['grade', 'Dockerfile', 'unpinned bases', 'downloads', 'piped to sh', 'packages'];
  const body = rows.map((row) => [
    `  ${grade(row)}`,
    row.dockerfile,
    ...[row.bases, row.downloads, row.piped, row.packages].map((number) =>
      number === 0 ? '-' : String(number),
    ),
  ]);
  return columns([head, ...body]);
}
