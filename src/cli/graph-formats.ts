import path from 'node:path';
import { TasksError } from '../model/errors.ts';

/** The formats of `tasks graph`, with the file extensions that mean them. */
export const graphFormats = {
  tree: ['.txt'],
  dot: ['.dot', '.gv'],
  mermaid: ['.mmd', '.mermaid'],
  svg: ['.svg'],
  html: ['.html', '.htm'],
  json: ['.json'],
} as const;

export type GraphFormat = keyof typeof graphFormats;

const names = Object.keys(graphFormats) as GraphFormat[];

/**
 * Returns the format that is named, or that the extension of the output file means; otherwise `tree`.
 * @throws TasksError with exit code 2 if the name or the extension is of no format
 */
export function chooseFormat({
  format,
  output,
}: {
  readonly format?: string;
  readonly output?: string;
}): GraphFormat {
  if (format !== undefined) {
    const known = names.find((name) => name === format);
    if (known !== undefined) return known;
    throw new TasksError(2, `--format is "${format}"`, { hint: `expected one of ${names.join(', ')}` });
  }
  const extension = path.extname(output ?? '').toLowerCase();
  if (extension === '') return 'tree';
  const meant = names.find((name) => (graphFormats[name] as readonly string[]).includes(extension));
  if (meant !== undefined) return meant;
  const known = names.map((name) => `${name} (${graphFormats[name].join(', ')})`);
  throw new TasksError(2, `--output is "${output}", and ${extension} is the extension of no format`, {
    hint: `add --format, or use an extension of a format: ${known.join(', ')}`,
  });
}
