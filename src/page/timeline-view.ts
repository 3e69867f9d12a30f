import { STATE_STYLES } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';
import { formatClock, formatDuration } from '../report/units.ts';
import { h } from './dom.ts';
import type { TimelineBar } from './run-state.ts';

export interface TimelineView {
  /** `now` ends what still runs; milliseconds since 1970. */
  update(bars: readonly TimelineBar[], now: number, title: string): void;
}

/** Narrower bars carry no text; pixels. */
const leastForText = 45;

/** Who ran when, and on which slot. */
export function timelineView(element: HTMLElement, onSelect: (id: TaskId) => void): TimelineView {
  const heading = h('h2');
  const lanes = h('div', { class: 'lanes' });
  const drawn = new Map<string, HTMLButtonElement>();
  element.append(heading, lanes);

  const place = (bar: TimelineBar, start: number, length: number, now: number): HTMLButtonElement => {
    const name = `${bar.id} ${bar.start}`;
    const button = drawn.get(name) ?? h('button', { type: 'button', onclick: () => onSelect(bar.id) });
    drawn.set(name, button);
    const ms = (bar.end ?? now) - bar.start;
    const words = `${bar.id}, slot ${bar.slot + 1}, ${STATE_STYLES[bar.state].label}, ${formatDuration(ms)}`;
    button.className = `bar s-${bar.state}`;
    button.title = bar.text === '' ? words : `${words}: ${bar.text}`;
    button.setAttribute('aria-label', words);
    button.style.left = `${((bar.start - start) / length) * 100}%`;
    button.style.width = `${Math.max(0.15, (ms / length) * 100)}%`;
    button.textContent = (ms / length) * lanes.clientWidth > leastForText ? bar.id : '';
    button.style.top = `${bar.slot * 28}px`;
    return button;
  };

  return {
    update(bars, now, title) {
      heading.textContent = title;
      if (bars.length === 0) {
        drawn.clear();
        lanes.replaceChildren();
        return;
      }
      const start = Math.min(...bars.map((bar) => bar.start));
      const length = Math.max(1000, ...bars.map((bar) => (bar.end ?? now) - start));
      const slots = Math.max(...bars.map(({ slot }) => slot)) + 1;
      lanes.style.minWidth = `${Math.max(600, Math.min(20_000, (bars.length / slots) * 60))}px`;
      const gone = new Set(drawn.keys());
      const buttons = bars.map((bar) => {
        gone.delete(`${bar.id} ${bar.start}`);
        return place(bar, start, length, now);
      });
      for (const name of gone) drawn.delete(name);
      const marks = ticks(length).map((at) => {
        const mark = h('span', { class: 'tick' }, formatClock(at));
        mark.style.left = `${(at / length) * 100}%`;
        return mark;
      });
      lanes.style.height = `${slots * 28 + 22}px`;
      // What has the keyboard keeps it: only what is new or gone is touched.
      for (const old of lanes.querySelectorAll('.tick')) old.remove();
      for (const old of lanes.querySelectorAll<HTMLButtonElement>('.bar'))
        if (!buttons.includes(old)) old.remove();
      lanes.prepend(...marks);
      lanes.append(...buttons.filter((button) => button.parentElement !== lanes));
    },
  };
}

/** Round times within a length, milliseconds; at most eight. */
function ticks(length: number): number[] {
  const units = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const unit = (units.find((seconds) => length / (seconds * 1000) <= 8) ?? 604_800) * 1000;
  return Array.from({ length: Math.floor(length / unit) + 1 }, (_, index) => index * unit);
}
