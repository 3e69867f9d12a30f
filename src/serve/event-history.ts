import type { RunEvent } from '../model/events.ts';

/** An event as it is sent to pages: its number, and its JSON. */
export interface SentEvent {
  readonly id: number;
  readonly data: string;
}

/** The events that a page needs when it connects late or again. */
export interface EventHistory {
  add(event: RunEvent): SentEvent;
  /** Returns the events with a larger id, oldest first. */
  after(id: number): SentEvent[];
}

/** How many output lines of each task are kept. */
const maxLines = 300;

/**
 * Returns a history of the current run. Its size is bounded: it keeps the last progress event and the last output lines of each
 * task. A new run clears it.
 */
export function createEventHistory(): EventHistory {
  const events = new Map<string, SentEvent>();
  const lineCounts = new Map<string, number>();
  let id = 0;
  /** An event replaces the earlier one in the same slot. */
  const slotOf = (event: RunEvent): string => {
    if (event.type === 'task-progress') return `progress ${event.id}`;
    if (event.type !== 'task-output') return String(id);
    const line = lineCounts.get(event.id) ?? 0;
    lineCounts.set(event.id, line + 1);
    return `output ${event.id} ${line % maxLines}`;
  };
  return {
    add(event) {
      id++;
      if (event.type === 'run-started') {
        events.clear();
        lineCounts.clear();
      }
      const sent = { id, data: JSON.stringify(event) };
      const slot = slotOf(event);
      // Without the deletion the new event would keep the position of the old one.
      events.delete(slot);
      events.set(slot, sent);
      return sent;
    },
    after: (last) => [...events.values()].filter((sent) => sent.id > last),
  };
}
