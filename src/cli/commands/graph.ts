import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectPage, projectPicture, projectTitle } from '../../app/graph-page.ts';
import { linkProject } from '../../app/link-project.ts';
import { warnWith } from '../../app/notices.ts';
import { type PlannedProject, planProject } from '../../app/plan-project.ts';
import type { Picture } from '../../draw/picture.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { makePaint } from '../../report/paint.ts';
import { jsonLine } from '../../report/sanitize.ts';
import { type Context, openHere, planOptions } from '../context.ts';
import { chooseFormat, type GraphFormat } from '../graph-formats.ts';
import { openBrowser } from '../open-browser.ts';

export interface GraphFlags {
  readonly format?: string;
  readonly output?: string;
  readonly full?: boolean;
  readonly changed?: boolean;
  readonly serve?: boolean;
  readonly open?: boolean;
}

/** `tasks graph`: prints or draws the graph with each task's state. */
export async function graph(
  context: Context,
  selectors: readonly string[],
  flags: GraphFlags,
): Promise<ExitCode> {
  if (flags.serve || flags.open) return await serve(context, selectors, flags);
  const format = context.settings.output.json ? 'json' : chooseFormat(flags);
  const planned = await planGraph(context, selectors);
  const picture = projectPicture(planned, flags.changed === true);
  const text = await draw(format, picture, planned, flags, context);
  if (flags.output === undefined) context.terminal.out(text);
  else save(path.resolve(context.cwd, flags.output), text);
  return 0;
}

async function planGraph(context: Context, selectors: readonly string[]): Promise<PlannedProject> {
  const options = planOptions(context, selectors);
  return await planProject(await openHere(context), options, context.host, { needsEngine: false });
}

/** `--serve`: serves the graph page until it is interrupted. */
async function serve(context: Context, selectors: readonly string[], flags: GraphFlags): Promise<ExitCode> {
  const { host, terminal, signal, settings } = context;
  const { serveGraph } = await import('../../app/serve-page.ts');
  await serveGraph(
    {
      selectors,
      changedOnly: flags.changed === true,
      signal,
      open: async () => await linkProject(await openHere(context), settings.names, host, signal),
      plan: () => planGraph(context, selectors),
      onListening: (url) => {
        terminal.out(`${url}\n`);
        if (flags.open) openBrowser(url, { environment: host.environment, warn: warnWith(host.notify) });
      },
      onWatching: () => terminal.err('open pages follow every change (Ctrl-C to stop)\n'),
    },
    host,
  );
  return 130;
}

function save(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new TasksError(2, `cannot write --output: ${(error as Error).message}`);
  }
}

/** Renderers are loaded on first use. */
async function draw(
  format: GraphFormat,
  picture: Picture,
  planned: PlannedProject,
  flags: GraphFlags,
  { host, terminal, settings }: Context,
): Promise<string> {
  const full = flags.full === true;
  switch (format) {
    case 'tree': {
      const { graphTree } = await import('../../draw/tree.ts');
      const isFile = flags.output !== undefined;
      const paint = makePaint(!isFile && settings.output.outColor);
      const columns = isFile ? undefined : terminal.outColumns;
      const lines = graphTree(picture, paint, { full, reasons: flags.changed === true, columns });
      return lines.map((line) => `${line}\n`).join('') || 'nothing would be done\n';
    }
    case 'dot':
      return (await import('../../draw/dot.ts')).dotText(picture);
    case 'mermaid': {
      const { fitsGithub, mermaidText } = await import('../../draw/mermaid.ts');
      const text = mermaidText(picture);
      if (!fitsGithub(text))
        warnWith(host.notify)(
          'GitHub does not draw Mermaid graphs of this size: use selectors or --format svg',
        );
      return text;
    }
    case 'svg': {
      const { makeDrawing } = await import('../../draw/drawing.ts');
      const { svgFile } = await import('../../draw/svg.ts');
      return svgFile(
        makeDrawing(picture, { full, maxChips, legend: true }),
        `tasks of ${projectTitle(planned)}`,
      );
    }
    case 'html':
      return await projectPage(planned, picture, host, { isLive: false });
    case 'json': {
      const { pictureJson } = await import('../../draw/picture.ts');
      return jsonLine(pictureJson(picture));
    }
  }
}

/** Versions that an SVG shows of one image; the page shows more. */
const maxChips = 60;
