import { stripVTControlCharacters } from 'node:util';
import { DefaultRenderer, Listr, ListrLogger, ProcessOutput } from 'listr2';
import type { TaskId } from '../model/task.ts';
import type { Reader } from './failures.ts';
import { type LiveLayout, type LiveView, makeLiveView } from './live-view.ts';
import type { Paint, Reporter } from './reporter.ts';
import { isActive } from './run-progress.ts';

/** Milliseconds between two frames. listr2 by itself draws on every event: minutes of CPU time for hundreds of tasks. */
const frameMs = 100;

/**
 * Returns a reporter that shows the live view on a terminal. listr2 draws the lines; their content depends only on events.
 * `terminal` is standard error, because standard output is reserved for results.
 */
export function liveReporter(
  terminal: NodeJS.WriteStream,
  paint: Paint,
  layout: LiveLayout,
  reader: Reader,
): Reporter {
  const view = makeLiveView(paint, layout, reader);
  const endTask = new Map<TaskId, () => void>();
  /** The tasks that ended in this phase: listr2 starts theirs later, so a task may end before it. */
  const ended = new Set<TaskId>();
  let isClosed = false;
  let finished: Promise<unknown> = Promise.resolve();
  let endRun = (): void => undefined;
  return {
    onEvent(event) {
      view.apply(event);
      if (event.type === 'phase-started') {
        const active = event.tasks.filter(isActive);
        ended.clear();
        const untilEnd = new Promise<void>((resolve) => (endRun = resolve));
        const tasks = active.map((task) => ({
          title: task.id,
          task: () =>
            new Promise<void>((resolve) => {
              endTask.set(task.id, resolve);
              if (ended.has(task.id) || isClosed) resolve();
            }),
        }));
        const list = new Listr([...tasks, { title: 'run', task: () => untilEnd }], {
          concurrent: true,
          exitOnError: false,
          // On an interrupt, listr2 would exit the process before the run has stopped its builds.
          registerSignalListeners: false,
          renderer: makeRenderer(view, terminal),
          rendererOptions: {
            logger: new ListrLogger({
              useIcons: true,
              processOutput: new TerminalOutput(terminal, view.addNotes),
            }),
          },
        });
        finished = list.run();
      }
      if (event.type === 'task-finished') {
        ended.add(event.id);
        endTask.get(event.id)?.();
      }
      if (event.type === 'phase-finished') endRun();
    },
    async close() {
      isClosed = true;
      endRun();
      for (const end of endTask.values()) end();
      await finished;
    },
  };
}

/**
 * Gives listr2 the current height of the terminal: it copies its stream and would keep the size from before a resize. The
 * width is unlimited, because our lines fit already and listr2's line wrapping counts ✔ as two columns. What others write to the
 * terminal meanwhile goes to `onText`; listr2 would keep it until the end.
 */
class TerminalOutput extends ProcessOutput {
  readonly #terminal: NodeJS.WriteStream;

  readonly #onText: (text: string) => void;

  constructor(terminal: NodeJS.WriteStream, onText: (text: string) => void) {
    super(terminal, terminal);
    this.#terminal = terminal;
    this.#onText = onText;
  }

  override hijack(): void {
    super.hijack();
    this.#terminal.write = (data: string | Uint8Array, ...rest: unknown[]): boolean => {
      this.#onText(typeof data === 'string' ? data : Buffer.from(data).toString('utf8'));
      const callback = rest.at(-1);
      if (typeof callback === 'function') callback();
      return true;
    };
  }

  override get stdout(): ProcessOutput['stdout'] {
    return Object.defineProperties(super.stdout, {
      columns: { value: Number.POSITIVE_INFINITY },
      rows: { get: () => this.#terminal.rows },
    });
  }
}

function makeRenderer(view: LiveView, terminal: NodeJS.WriteStream): typeof DefaultRenderer {
  return class extends DefaultRenderer {
    static override nonTTY = true;
    #drawnAt = 0;
    #drawn: { lines: readonly string[]; columns: number } = { lines: [], columns: columnsOf(terminal) };
    readonly #internals: RendererInternals;

    constructor(...args: ConstructorParameters<typeof DefaultRenderer>) {
      super(...args);
      this.#internals = this as unknown as RendererInternals;
    }

    override update(): void {
      const now = Date.now();
      if (now - this.#drawnAt < frameMs - 10) return;
      this.#drawnAt = now;
      this.#clearWrapped();
      super.update();
    }

    /** listr2 passes `prompt: false` to get the lines that stay after the end. */
    override create(options?: { prompt?: boolean }): string {
      const columns = columnsOf(terminal);
      if (options?.prompt === false) return view.finalLines(columns).join('\n');
      const screen = { rows: (terminal.rows || 24) - 1, columns, spinner: this.#internals.spinner.fetch() };
      const lines = view.lines(Date.now(), screen);
      this.#drawn = { lines, columns };
      return lines.join('\n');
    }

    /** Erases the extra rows that appear when a terminal gets narrower and wraps lines; listr2 erases one row per line. */
    #clearWrapped(): void {
      const columns = columnsOf(terminal);
      if (columns >= this.#drawn.columns) return;
      const extraRows = this.#drawn.lines
        .map((line) => Math.ceil(stripVTControlCharacters(line).length / (columns + 1)) - 1)
        .reduce((sum, number) => sum + Math.max(0, number), 0);
      this.#internals.logger.process.toStdout('\x1b[1A\x1b[2K'.repeat(extraRows), false);
    }
  };
}

/** Private members of listr2's renderer that are used here. */
interface RendererInternals {
  readonly spinner: { fetch(): string };
  readonly logger: ListrLogger;
}

/** Returns the usable width. The last column stays empty, because some terminals wrap there. */
function columnsOf(terminal: NodeJS.WriteStream): number {
  // A pseudoterminal without a size says 0.
  return (terminal.columns || 80) - 1;
}
