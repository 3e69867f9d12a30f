import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Picture } from '../../draw/picture.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { makePaint } from '../../report/paint.ts';
import { jsonLine } from '../../report/sanitize.ts';
import { type CommonFlags, hasColor } from '../flags.ts';
import { type Io, warner } from '../io.ts';
import { pageOf, pictureOf, titleOf } from '../picture.ts';
import { type Prospect, planProject } from '../project.ts';

export interface GraphFlags extends CommonFlags {
  readonly format?: string;
  readonly output?: string;
  readonly full?: boolean;
  readonly changed?: boolean;
  readonly serve?: boolean;
}

/** Formats, and the ends of file names that mean them. */
const formats = {
  tree: ['.txt'],
  dot: ['.dot', '.gv'],
  mermaid: ['.mmd', '.mermaid'],
  svg: ['.svg'],
  html: ['.html', '.htm'],
  json: ['.json'],
} as const;

type Format = keyof typeof formats;

/** `tasks graph`: the graph with each task's state. */
export async function graph(selectors: readonly string[], flags: GraphFlags, io: Io): Promise<ExitCode> {
  if (flags.serve) return await (await import('../live-page.ts')).serveGraph(selectors, flags, io);
  const format = formatOf(flags);
  const prospect = await planProject(selectors, flags, io, { withoutEngine: true });
  const picture = pictureOf(prospect, flags.changed === true);
  const text = await draw(format, picture, prospect, flags, io);
  if (flags.output === undefined) io.out(text);
  else save(path.resolve(io.cwd, flags.output), text);
  return 0;
}

function save(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new TasksError(2, `--output cannot be written: ${(error as Error).message}`);
  }
}

/** @throws TasksError exit 2 */
function formatOf({ json, format, output }: GraphFlags): Format {
  if (json) return 'json';
  const names = Object.keys(formats) as Format[];
  if (format === undefined) {
    const end = path.extname(output ?? '').toLowerCase();
    return names.find((name) => (formats[name] as readonly string[]).includes(end)) ?? 'tree';
  }
  const known = names.find((name) => name === format);
  if (known !== undefined) return known;
  throw new TasksError(2, `--format is "${format}"`, { hint: `expected one of ${names.join(', ')}` });
}

/** Renderers are loaded when they are asked for. */
async function draw(
  format: Format,
  picture: Picture,
  prospect: Prospect,
  flags: GraphFlags,
  io: Io,
): Promise<string> {
  const full = flags.full === true;
  switch (format) {
    case 'tree': {
      const { graphTree } = await import('../../draw/tree.ts');
      const isFile = flags.output !== undefined;
      const paint = makePaint(!isFile && hasColor(flags, io, io.outIsTerminal));
      const columns = isFile ? undefined : io.outColumns;
      const lines = graphTree(picture, paint, { full, reasons: flags.changed === true, columns });
      return lines.map((line) => `${line}\n`).join('') || 'nothing would be done\n';
    }
    case 'dot':
      return (await import('../../draw/dot.ts')).dotText(picture);
    case 'mermaid': {
      const { fitsGithub, mermaidText } = await import('../../draw/mermaid.ts');
      const text = mermaidText(picture);
      if (!fitsGithub(text))
        warner(io)('GitHub does not draw Mermaid of this size: choose with selectors, or take svg');
      return text;
    }
    case 'svg': {
      const { makeDrawing } = await import('../../draw/drawing.ts');
      const { svgFile } = await import('../../draw/svg.ts');
      return svgFile(
        makeDrawing(picture, { full, maxChips: mostChips, legend: true }),
        `tasks of ${titleOf(prospect)}`,
      );
    }
    case 'html':
      return await pageOf(prospect, picture, io, { title: `tasks of ${titleOf(prospect)}`, isLive: false });
    case 'json': {
      const { pictureJson } = await import('../../draw/picture.ts');
      return jsonLine(pictureJson(picture));
    }
  }
}

/** Versions that an SVG shows of one image; the page shows more. */
const mostChips = 60;
