import type { Progress } from '../model/ports.ts';

/** A progress message of a push or pull; the engine sends one JSON object per line. */
export interface EngineMessage {
  readonly status?: string;
  /** The first twelve digits of the layer's digest; in some messages the tag. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
  readonly aux?: { readonly Digest?: string };
}

/** Splits the engine's stream into messages. `end` returns the lines that hold an error response instead of a message. */
export function createMessageReader(onMessage: (message: EngineMessage) => void): {
  write(data: Buffer): void;
  end(): Buffer;
} {
  const errorLines: string[] = [];
  let partialLine = '';
  const decoder = new TextDecoder();
  const readLine = (line: string): void => {
    try {
      const message = JSON.parse(line) as EngineMessage & { message?: string };
      if (message.message !== undefined) errorLines.push(line);
      onMessage(message);
    } catch {
      // Some proxies respond in plain text.
      errorLines.push(line);
    }
  };
  return {
    write(data) {
      const lines = `${partialLine}${decoder.decode(data, { stream: true })}`.split('\n');
      partialLine = lines.pop()!;
      for (const line of lines) if (line.trim() !== '') readLine(line);
    },
    end() {
      if (partialLine.trim() !== '') readLine(partialLine);
      partialLine = '';
      return Buffer.from(errorLines.join('\n'));
    },
  };
}

interface Layer {
  readonly current: number;
  readonly total: number;
  readonly isDone: boolean;
}

const doneStatus = /^(Pushed|Layer already exists|Mounted from|Pull complete|Already exists)/;
const transferStatus = /^(Pushing|Downloading)$/;

/**
 * Returns a function that turns messages into progress: an output line for each finished layer, and a step with the totals when
 * a layer is done or another tenth of the bytes is transferred. `activity` starts the step's text: `uploading`.
 */
export function trackLayers(activity: string, progress: Progress): (message: EngineMessage) => void {
  const layers = new Map<string, Layer>();
  let reportedMark = '';
  return ({ id, status = '', progressDetail: { current, total } = {} }) => {
    if (id === undefined || !/^[0-9a-f]{12}$/.test(id)) return;
    const before = layers.get(id) ?? { current: 0, total: 0, isDone: false };
    const isDone = doneStatus.test(status);
    if (isDone && !before.isDone) progress.line(`${id}: ${status}`);
    // The engine's first estimate of a size can be too small.
    const knownTotal = Math.max(total ?? 0, current ?? 0, before.total);
    const sizes = transferStatus.test(status)
      ? { current: current ?? before.current, total: knownTotal }
      : before;
    layers.set(id, { ...sizes, ...(isDone ? { current: sizes.total } : {}), isDone });
    const { mark, text } = summarize(activity, [...layers.values()]);
    if (mark === reportedMark) return;
    reportedMark = mark;
    progress.step({ text });
  };
}

/** Returns the step's text, and a mark that changes when the text is worth reporting again. */
function summarize(activity: string, layers: readonly Layer[]): { mark: string; text: string } {
  const sum = (amount: (layer: Layer) => number): number =>
    layers.reduce((all, layer) => all + amount(layer), 0);
  const [done, transferred, total] = [
    sum(({ isDone }) => Number(isDone)),
    sum(({ current }) => current),
    sum((layer) => layer.total),
  ];
  const [unitSize, unit] = total >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  const bytes =
    total === 0 ? '' : `, ${Math.round(transferred / unitSize)} of ${Math.ceil(total / unitSize)} ${unit}`;
  return {
    // The mark leaves out the number of layers: the engine announces them in a burst before it transfers anything.
    mark: `${done} ${total === 0 ? 0 : Math.floor((10 * transferred) / total)}`,
    text: `${activity} ${done}/${layers.length} layers${bytes}`,
  };
}
