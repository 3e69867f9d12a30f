import { STATE_STYLES } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';
import { formatClock, formatDuration } from '../report/units.ts';
import { h } from './dom.ts';
import { groupLanes, type TimelineBar } from './run-state.ts';

export interface TimelineView {
  /** `now`: where running tasks end, in milliseconds since 1970. */
  update(bars: readonly TimelineBar[], now: number, title: string, selected: TaskId | undefined): void;
}

/** Text that does not fit is vertical if its bar has this size, or else cut, or left out below this width; pixels. */
const [minVerticalWidth, minVerticalHeight, minTextWidth] = [13, 90, 45];
/** The width of a character, about, and the space beside the text; pixels. */
const [characterWidth, textPadding] = [6.8, 16];
/** The least height of a lane, and the height of the scale; pixels. */
const [minLaneHeight, scaleHeight] = [28, 22];
/** The height of the name of a builder node above its lanes; pixels. */
const nodeNameHeight = 20;

/** How times and lanes are drawn. Times are in milliseconds, heights in pixels. */
interface Scale {
  readonly start: number;
  readonly length: number;
  readonly now: number;
  readonly laneHeight: number;
}

/**
 * Creates the timeline in an element: a lane per job, with a bar for each task that ran. The lanes fill the height. Of several builder
 * nodes, each has its lanes below its name.
 */
export function timelineView(element: HTMLElement, onSelect: (id: TaskId) => void): TimelineView {
  const heading = h('h2');
  const laneHolder = h('div', { class: 'lanes' });
  const scroller = h('div', { class: 'scroller' }, laneHolder);
  const drawn = new Map<string, HTMLButtonElement>();
  let last: Parameters<TimelineView['update']> | undefined;
  element.append(heading, scroller);

  const draw = (
    bar: TimelineBar,
    { start, length, now, laneHeight, top, place }: Scale & { top: number; place: string },
    selected: TaskId | undefined,
  ): HTMLButtonElement => {
    const name = `${bar.id} ${bar.start}`;
    const button = drawn.get(name) ?? h('button', { type: 'button', onclick: () => onSelect(bar.id) });
    drawn.set(name, button);
    const ms = (bar.end ?? now) - bar.start;
    const label = `${bar.id}, job ${bar.lane + 1}${place}, ${STATE_STYLES[bar.state].label}, ${formatDuration(ms)}`;
    const width = (ms / length) * laneHolder.clientWidth;
    const text = `${bar.id} ${formatDuration(ms)}`;
    const isVertical =
      width < text.length * characterWidth + textPadding &&
      width >= minVerticalWidth &&
      laneHeight >= Math.max(minVerticalHeight, width);
    button.className = `bar s-${bar.state}${isVertical ? ' vertical' : ''}`;
    button.title = bar.text === '' ? label : `${label}: ${bar.text}`;
    button.setAttribute('aria-label', label);
    button.setAttribute('aria-pressed', String(bar.id === selected));
    button.style.left = `${((bar.start - start) / length) * 100}%`;
    button.style.width = `${Math.max(0.15, (ms / length) * 100)}%`;
    button.style.top = `${top + bar.lane * laneHeight}px`;
    button.style.height = `${laneHeight - 4}px`;
    const shown = isVertical || width >= minTextWidth ? text : '';
    if (button.textContent !== shown) button.replaceChildren(h('span', { class: 'bar-text' }, shown));
    return button;
  };

  const update: TimelineView['update'] = (bars, now, title, selected) => {
    last = [bars, now, title, selected];
    heading.textContent = title;
    if (bars.length === 0) {
      drawn.clear();
      laneHolder.replaceChildren();
      return;
    }
    const start = Math.min(...bars.map((bar) => bar.start));
    const length = Math.max(1000, ...bars.map((bar) => (bar.end ?? now) - start));
    const groups = groupLanes(bars);
    const laneCount = groups.reduce((sum, { count }) => sum + count, 0);
    // A single node is not worth naming.
    const isNamed = groups.filter(({ node }) => node !== undefined).length > 1;
    const nameHeight = isNamed ? nodeNameHeight : 0;
    const besideLanes = scaleHeight + groups.length * nameHeight;
    const laneHeight = Math.max(minLaneHeight, Math.floor((scroller.clientHeight - besideLanes) / laneCount));
    const tops = new Map(
      groups.map(({ node, first }, index) => [node, first * laneHeight + (index + 1) * nameHeight]),
    );
    const minWidth = Math.max(320, Math.min(20_000, (bars.length / laneCount) * minVerticalWidth * 1.6));
    laneHolder.style.minWidth = `${minWidth}px`;
    laneHolder.style.height = `${laneCount * laneHeight + besideLanes}px`;
    const gone = new Set(drawn.keys());
    const buttons = bars.map((bar) => {
      gone.delete(`${bar.id} ${bar.start}`);
      const place = isNamed && bar.node !== undefined ? ` on ${bar.node}` : '';
      return draw(bar, { start, length, now, laneHeight, top: tops.get(bar.node)!, place }, selected);
    });
    for (const name of gone) drawn.delete(name);
    const marks = ticks(length, laneHolder.clientWidth).map((at) => {
      const mark = h('span', { class: 'tick' }, formatClock(at));
      mark.style.left = `${(at / length) * 100}%`;
      return mark;
    });
    const names = (isNamed ? groups : []).map(({ node = 'this machine' }, index) => {
      const name = h('span', { class: 'lane-name' }, node);
      name.style.top = `${tops.get(groups[index]!.node)! - nodeNameHeight}px`;
      return name;
    });
    // Only adds and removes what has changed, so that the focused bar keeps the focus.
    for (const old of laneHolder.querySelectorAll('.tick, .lane-name')) old.remove();
    for (const old of laneHolder.querySelectorAll<HTMLButtonElement>('.bar'))
      if (!buttons.includes(old)) old.remove();
    laneHolder.prepend(...marks, ...names);
    laneHolder.append(...buttons.filter((button) => button.parentElement !== laneHolder));
  };
  new ResizeObserver(() => {
    if (last !== undefined && scroller.clientHeight > 0) update(...last);
  }).observe(scroller);
  return { update };
}

/** Returns round times within a length, both in milliseconds, with at least 70 pixels between them. */
function ticks(length: number, width: number): number[] {
  const units = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const most = Math.max(2, Math.min(12, width / 70));
  const unit = (units.find((seconds) => length / (seconds * 1000) <= most) ?? 604_800) * 1000;
  // A mark at the very end would have no space for its text.
  const last = length * (1 - 30 / Math.max(60, width));
  return Array.from({ length: Math.floor(last / unit) + 1 }, (_, index) => index * unit);
}
