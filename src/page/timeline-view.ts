import { STATE_STYLES } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';
import { formatClock, formatDuration } from '../report/units.ts';
import { h } from './dom.ts';
import type { TimelineBar } from './run-state.ts';

export interface TimelineView {
  /** `now`: where running tasks end, in milliseconds since 1970. */
  update(bars: readonly TimelineBar[], now: number, title: string): void;
}

/** Bars narrower than this many pixels have no text. */
const minTextWidth = 45;

/** Creates the timeline in an element: a lane per job, with a bar for each task that ran. */
export function timelineView(element: HTMLElement, onSelect: (id: TaskId) => void): TimelineView {
  const heading = h('h2');
  const laneHolder = h('div', { class: 'lanes' });
  const drawn = new Map<string, HTMLButtonElement>();
  element.append(heading, laneHolder);

  const place = (bar: TimelineBar, start: number, length: number, now: number): HTMLButtonElement => {
    const name = `${bar.id} ${bar.start}`;
    const button = drawn.get(name) ?? h('button', { type: 'button', onclick: () => onSelect(bar.id) });
    drawn.set(name, button);
    const ms = (bar.end ?? now) - bar.start;
    const label = `${bar.id}, job ${bar.lane + 1}, ${STATE_STYLES[bar.state].label}, ${formatDuration(ms)}`;
    button.className = `bar s-${bar.state}`;
    button.title = bar.text === '' ? label : `${label}: ${bar.text}`;
    button.setAttribute('aria-label', label);
    button.style.left = `${((bar.start - start) / length) * 100}%`;
    button.style.width = `${Math.max(0.15, (ms / length) * 100)}%`;
    button.textContent = (ms / length) * laneHolder.clientWidth > minTextWidth ? bar.id : '';
    button.style.top = `${bar.lane * 28}px`;
    return button;
  };

  return {
    update(bars, now, title) {
      heading.textContent = title;
      if (bars.length === 0) {
        drawn.clear();
        laneHolder.replaceChildren();
        return;
      }
      const start = Math.min(...bars.map((bar) => bar.start));
      const length = Math.max(1000, ...bars.map((bar) => (bar.end ?? now) - start));
      const laneCount = Math.max(...bars.map(({ lane }) => lane)) + 1;
      laneHolder.style.minWidth = `${Math.max(600, Math.min(20_000, (bars.length / laneCount) * 60))}px`;
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
      laneHolder.style.height = `${laneCount * 28 + 22}px`;
      // Only adds and removes what has changed, so that the focused bar keeps the focus.
      for (const old of laneHolder.querySelectorAll('.tick')) old.remove();
      for (const old of laneHolder.querySelectorAll<HTMLButtonElement>('.bar'))
        if (!buttons.includes(old)) old.remove();
      laneHolder.prepend(...marks);
      laneHolder.append(...buttons.filter((button) => button.parentElement !== laneHolder));
    },
  };
}

/** Returns round times within a length, both in milliseconds; about eight at most. */
function ticks(length: number): number[] {
  const units = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const unit = (units.find((seconds) => length / (seconds * 1000) <= 8) ?? 604_800) * 1000;
  return Array.from({ length: Math.floor(length / unit) + 1 }, (_, index) => index * unit);
}
