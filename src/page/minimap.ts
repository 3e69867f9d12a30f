import type { Drawing } from '../draw/drawing.ts';
import { STATES, type State } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';
import { h } from './dom.ts';
import type { PanZoom } from './pan-zoom.ts';

export interface Minimap {
  /** Shows a drawing; each card has the color of its most important state. */
  show(drawing: Drawing, stateOf: (id: TaskId) => State): void;
  /** Shows which part of the drawing is visible now. */
  move(): void;
}

/** The largest size, in pixels and as a part of the window. */
const [maxWidth, maxHeight, maxPart] = [200, 150, 0.34];

/** Adds a small map of a drawing to an element. It is hidden while the whole drawing is visible; dragging in it moves the drawing. */
export function minimap(holder: HTMLElement, canvas: PanZoom): Minimap {
  const picture = h('canvas');
  const frame = h('div', { class: 'frame' });
  const element = h('div', { class: 'minimap', hidden: true, 'aria-hidden': 'true' }, picture, frame);
  holder.after(element);
  let [width, height, scale] = [1, 1, 1];
  let drawn: { drawing: Drawing; stateOf: (id: TaskId) => State } | undefined;

  const paint = (): void => {
    if (drawn === undefined) return;
    const { drawing, stateOf } = drawn;
    const style = getComputedStyle(document.documentElement);
    const colors = new Map(STATES.map((state) => [state, style.getPropertyValue(`--${state}-solid`)]));
    const dots = devicePixelRatio;
    [picture.width, picture.height] = [Math.round(width * scale * dots), Math.round(height * scale * dots)];
    picture.style.width = `${width * scale}px`;
    picture.style.height = `${height * scale}px`;
    const context = picture.getContext('2d')!;
    context.scale(scale * dots, scale * dots);
    for (const { card, place } of drawing.cards) {
      const states = card.tasks.map(({ id }) => STATES.indexOf(stateOf(id)));
      context.fillStyle = colors.get(STATES[Math.min(...states)]!)!;
      context.fillRect(place.x, place.y, place.width, place.height);
    }
  };

  const move = (): void => {
    const { clientWidth, clientHeight } = holder;
    if (drawn === undefined || clientWidth === 0) return;
    const shown = canvas.visible();
    const room = 1 / canvas.scale();
    const isComplete =
      shown.x <= room &&
      shown.y <= room &&
      shown.x + shown.width >= width - room &&
      shown.y + shown.height >= height - room;
    element.hidden = isComplete;
    const next = Math.min(
      Math.min(maxWidth, clientWidth * maxPart) / width,
      Math.min(maxHeight, clientHeight * maxPart) / height,
    );
    if (next !== scale) {
      scale = next;
      paint();
    }
    const left = Math.max(0, shown.x) * scale;
    const top = Math.max(0, shown.y) * scale;
    frame.style.left = `${Math.min(left, width * scale - 6)}px`;
    frame.style.top = `${Math.min(top, height * scale - 6)}px`;
    frame.style.width = `${Math.max(6, Math.min(width, shown.x + shown.width) * scale - left)}px`;
    frame.style.height = `${Math.max(6, Math.min(height, shown.y + shown.height) * scale - top)}px`;
  };

  const drag = (event: PointerEvent): void => {
    const { left, top } = picture.getBoundingClientRect();
    canvas.centerOn((event.clientX - left) / scale, (event.clientY - top) / scale);
  };
  element.addEventListener('pointerdown', (event) => {
    element.setPointerCapture(event.pointerId);
    drag(event);
  });
  element.addEventListener('pointermove', (event) => {
    if (element.hasPointerCapture(event.pointerId)) drag(event);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);

  return {
    show(drawing, stateOf) {
      drawn = { drawing, stateOf };
      [width, height] = [drawing.width, drawing.height];
      paint();
      move();
    },
    move,
  };
}
