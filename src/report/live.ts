import { DefaultRenderer, Listr, ListrLogger, ProcessOutput } from 'listr2';
import type { TaskId } from '../model/task.ts';
import type { Paint, Reporter } from './reporter.ts';
import { makeView, type View } from './view.ts';

/** Milliseconds between two drawings. listr2 draws on every event by itself: minutes of CPU for some hundred tasks. */
const drawEvery = 100;

/**
 * The live view on a terminal. listr2 draws and keeps the lines; what stands on them follows events alone. `terminal` is
 * the stream of the diagnostics: standard output stays free for the answer.
 */
export function liveReporter(terminal: NodeJS.WriteStream, paint: Paint): Reporter {
  const view = makeView(paint);
  const ends = new Map<TaskId, () => void>();
  let finished: Promise<unknown> = Promise.resolve();
  let endRun = (): void => undefined;
  return {
    listen(event) {
      view.apply(event);
      if (event.type === 'run-started') {
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
            logger: new ListrLogger({ useIcons: true, processOutput: new ProcessOutput(terminal, terminal) }),
          },
        });
        finished = list.run();
      }
      if (event.type === 'task-finished') ends.get(event.id)?.();
      if (event.type === 'run-finished') endRun();
    },
    async close() {
      endRun();
      for (const end of ends.values()) end();
      await finished;
    },
  };
}

function rendererOf(view: View, terminal: NodeJS.WriteStream): typeof DefaultRenderer {
  return class extends DefaultRenderer {
    static override nonTTY = true;
    #drawnAt = 0;
    readonly #frames: { fetch(): string };

    constructor(...args: ConstructorParameters<typeof DefaultRenderer>) {
      super(...args);
      this.#frames = (this as unknown as { spinner: { fetch(): string } }).spinner;
    }

    override update(): void {
      const now = Date.now();
      if (now - this.#drawnAt < drawEvery - 10) return;
      this.#drawnAt = now;
      super.update();
    }

    /** `prompt: false` is how listr2 asks for what stays after the end. */
    override create(options?: { prompt?: boolean }): string {
      if (options?.prompt === false) return view.finalLines().join('\n');
      const screen = {
        rows: terminal.rows ?? 24,
        columns: terminal.columns ?? 80,
        spinner: this.#frames.fetch(),
      };
      return view.lines(Date.now(), screen).join('\n');
    }
  };
}
