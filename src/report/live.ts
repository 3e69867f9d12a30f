import { stripVTControlCharacters } from 'node:util';
import { DefaultRenderer, Listr, ListrLogger, ProcessOutput } from 'listr2';
import type { TaskId } from '../model/task.ts';
import { type LiveLayout, type LiveView, makeLiveView } from './live-view.ts';
import type { Paint, Reporter } from './reporter.ts';

/** Milliseconds between two drawings. listr2 draws on every event by itself: minutes of CPU for some hundred tasks. */
const drawEvery = 100;

/**
 * The live view on a terminal. listr2 draws and keeps the lines; what stands on them follows events alone. `terminal` is
 * the stream of the diagnostics: standard output stays free for the answer.
 */
export function liveReporter(terminal: NodeJS.WriteStream, paint: Paint, layout: LiveLayout): Reporter {
  const view = makeLiveView(paint, layout);
  const ends = new Map<TaskId, () => void>();
  let finished: Promise<unknown> = Promise.resolve();
  let endRun = (): void => undefined;
  return {
    onEvent(event) {
      view.apply(event);
      if (event.type === 'phase-started') {
        const made = event.tasks.filter((task) => !['reuse', 'skip', 'blocked'].includes(task.action));
        const whole = new Promise<void>((resolve) => (endRun = resolve));
        const tasks = made.map((task) => ({
          title: task.id,
          task: () => new Promise<void>((resolve) => ends.set(task.id, resolve)),
        }));
        const list = new Listr([...tasks, { title: 'run', task: () => whole }], {
          concurrent: true,
          exitOnError: false,
          // An interrupt is the program's to handle: listr2 would exit by itself.
          registerSignalListeners: false,
          renderer: rendererOf(view, terminal),
          rendererOptions: {
            logger: new ListrLogger({ useIcons: true, processOutput: new Output(terminal) }),
          },
        });
        finished = list.run();
      }
      if (event.type === 'task-finished') ends.get(event.id)?.();
      if (event.type === 'phase-finished') endRun();
    },
    async close() {
      endRun();
      for (const end of ends.values()) end();
      await finished;
    },
  };
}

/**
 * listr2 copies its stream, and with it a size that is never told of a resize. Our lines fit, so its own breaking of lines,
 * which takes ✔ for two columns wide, is told that there is no limit.
 */
class Output extends ProcessOutput {
  readonly #terminal: NodeJS.WriteStream;

  constructor(terminal: NodeJS.WriteStream) {
    super(terminal, terminal);
    this.#terminal = terminal;
  }

  override get stdout(): ProcessOutput['stdout'] {
    return Object.defineProperties(super.stdout, {
      columns: { value: Number.POSITIVE_INFINITY },
      rows: { get: () => this.#terminal.rows },
    });
  }
}

function rendererOf(view: LiveView, terminal: NodeJS.WriteStream): typeof DefaultRenderer {
  return class extends DefaultRenderer {
    static override nonTTY = true;
    #drawnAt = 0;
    #drawn: { lines: readonly string[]; columns: number } = { lines: [], columns: columnsOf(terminal) };
    readonly #inner: Inner;

    constructor(...args: ConstructorParameters<typeof DefaultRenderer>) {
      super(...args);
      this.#inner = this as unknown as Inner;
    }

    override update(): void {
      const now = Date.now();
      if (now - this.#drawnAt < drawEvery - 10) return;
      this.#drawnAt = now;
      this.#clearWrapped();
      super.update();
    }

    /** `prompt: false` is how listr2 asks for what stays after the end. */
    override create(options?: { prompt?: boolean }): string {
      const columns = columnsOf(terminal);
      if (options?.prompt === false) return view.finalLines(columns).join('\n');
      const screen = { rows: (terminal.rows ?? 24) - 1, columns, spinner: this.#inner.spinner.fetch() };
      const lines = view.lines(Date.now(), screen);
      this.#drawn = { lines, columns };
      return lines.join('\n');
    }

    /** A terminal that was made narrower has broken lines: more of them stand there than listr2 will take away. */
    #clearWrapped(): void {
      const columns = columnsOf(terminal);
      if (columns >= this.#drawn.columns) return;
      const more = this.#drawn.lines
        .map((line) => Math.ceil(stripVTControlCharacters(line).length / (columns + 1)) - 1)
        .reduce((sum, number) => sum + Math.max(0, number), 0);
      this.#inner.logger.process.toStdout('\x1b[1A\x1b[2K'.repeat(more), false);
    }
  };
}

/** What listr2 keeps to itself. */
interface Inner {
  readonly spinner: { fetch(): string };
  readonly logger: ListrLogger;
}

/** The last column stays free: some terminals begin a new line there. */
function columnsOf(terminal: NodeJS.WriteStream): number {
  return (terminal.columns ?? 80) - 1;
}
