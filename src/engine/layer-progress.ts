import type { Progress } from '../model/ports.ts';

/** What the engine tells while it pushes or pulls, one JSON value a line. */
export interface EngineMessage {
  readonly status?: string;
  /** A layer's, twelve digits of its digest; the tag for some. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
  readonly aux?: { readonly Digest?: string };
}

/** Takes the engine's stream apart. `all`: what was no message, an answer in one piece. */
export function createMessageReader(onMessage: (message: EngineMessage) => void): {
  data(data: Buffer): void;
  all(): Buffer;
} {
  const others: string[] = [];
  let rest = '';
  const decoder = new TextDecoder();
  const take = (line: string): void => {
    try {
      const message = JSON.parse(line) as EngineMessage & { message?: string };
      if (message.message !== undefined) others.push(line);
      onMessage(message);
    } catch {
      // Some proxies answer in plain text.
      others.push(line);
    }
  };
  return {
    data(data) {
      const lines = `${rest}${decoder.decode(data, { stream: true })}`.split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (line.trim() !== '') take(line);
    },
    all() {
      if (rest.trim() !== '') take(rest);
      rest = '';
      return Buffer.from(others.join('\n'));
    },
  };
}

interface Layer {
  readonly current: number;
  readonly total: number;
  readonly isDone: boolean;
}

const isOver = /^(Pushed|Layer already exists|Mounted from|Pull complete|Already exists)/;
const moves = /^(Pushing|Downloading)$/;

/**
 * Sums the layers up: a step that is told when a layer is done or another tenth of the bytes has moved, and a line for each
 * layer. `doing`: `uploading`
 */
export function trackLayers(doing: string, progress: Progress): (message: EngineMessage) => void {
  const layers = new Map<string, Layer>();
  let told = '';
  return ({ id, status = '', progressDetail: { current, total } = {} }) => {
    if (id === undefined || !/^[0-9a-f]{12}$/.test(id)) return;
    const before = layers.get(id) ?? { current: 0, total: 0, isDone: false };
    const isDone = isOver.test(status);
    if (isDone && !before.isDone) progress.line(`${id}: ${status}`);
    // The engine's first guess of a size may be too small.
    const known = Math.max(total ?? 0, current ?? 0, before.total);
    const sizes = moves.test(status) ? { current: current ?? before.current, total: known } : before;
    layers.set(id, { ...sizes, ...(isDone ? { current: sizes.total } : {}), isDone });
    const { mark, text } = summary(doing, [...layers.values()]);
    if (mark === told) return;
    told = mark;
    progress.step({ text });
  };
}

function summary(doing: string, layers: readonly Layer[]): { mark: string; text: string } {
  const sum = (of: (layer: Layer) => number): number => layers.reduce((all, layer) => all + of(layer), 0);
  const [done, moved, total] = [
    sum(({ isDone }) => Number(isDone)),
    sum(({ current }) => current),
    sum((layer) => layer.total),
  ];
  const [unit, word] = total >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  const bytes = total === 0 ? '' : `, ${Math.round(moved / unit)} of ${Math.ceil(total / unit)} ${word}`;
  return {
    // Layers come to be known in a burst, before anything moves.
    mark: `${done} ${total === 0 ? 0 : Math.floor((10 * moved) / total)}`,
    text: `${doing} ${done}/${layers.length} layers${bytes}`,
  };
}
