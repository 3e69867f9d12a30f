import type { RunEvent } from '../model/events.ts';

/** An event as it is sent: a number, and its text. */
export interface SentEvent {
  readonly id: number;
  readonly data: string;
}

/** What a page that is opened late, or again, must be told. */
export interface EventHistory {
  add(event: RunEvent): SentEvent;
  /** What came after a number, oldest first. */
  after(number: number): SentEvent[];
}

/** Lines of one task's output that are kept. */
const mostLines = 300;

/** The events of one run, bounded: of progress the last of each task, of output the last lines; a new run begins anew. */
export function createEventHistory(): EventHistory {
  const kept = new Map<string, SentEvent>();
  const lines = new Map<string, number>();
  let id = 0;
  const slotOf = (event: RunEvent): string => {
    if (event.type === 'task-progress') return `progress ${event.id}`;
    if (event.type !== 'task-output') return String(id);
    const line = lines.get(event.id) ?? 0;
    lines.set(event.id, line + 1);
    return `output ${event.id} ${line % mostLines}`;
  };
  return {
    add(event) {
      id++;
      if (event.type === 'run-started') {
        kept.clear();
        lines.clear();
      }
      const sent = { id, data: JSON.stringify(event) };
      const slot = slotOf(event);
      // Set anew it would keep its old place.
      kept.delete(slot);
      kept.set(slot, sent);
      return sent;
    },
    after: (from) => [...kept.values()].filter((sent) => sent.id > from),
  };
}
