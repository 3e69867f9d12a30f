import type { RunEvent } from '../model/events.ts';

/** An event as it is sent: a number, and its text. */
export interface Sent {
  readonly number: number;
  readonly text: string;
}

/** What a page that is opened late, or again, must be told. */
export interface History {
  add(event: RunEvent): Sent;
  /** What came after a number, oldest first. */
  after(number: number): Sent[];
}

/** Lines of one task's output that are kept. */
const mostLines = 300;

/** The events of one run, bounded: of progress the last of each task, of output the last lines; a new run begins anew. */
export function makeHistory(): History {
  const kept = new Map<string, Sent>();
  const lines = new Map<string, number>();
  let number = 0;
  const slotOf = (event: RunEvent): string => {
    if (event.type === 'task-progress') return `progress ${event.id}`;
    if (event.type !== 'task-output') return String(number);
    const line = lines.get(event.id) ?? 0;
    lines.set(event.id, line + 1);
    return `output ${event.id} ${line % mostLines}`;
  };
  return {
    add(event) {
      number++;
      if (event.type === 'run-started') {
        kept.clear();
        lines.clear();
      }
      const sent = { number, text: JSON.stringify(event) };
      const slot = slotOf(event);
      // Set anew it would keep its old place.
      kept.delete(slot);
      kept.set(slot, sent);
      return sent;
    },
    after: (from) => [...kept.values()].filter((sent) => sent.number > from),
  };
}
