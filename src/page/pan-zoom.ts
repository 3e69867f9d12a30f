import type { Area } from './area.ts';

/** Moves and scales a drawing in the element that contains it. */
export interface PanZoom {
  /** Replaces the drawing. If the size is the same, position and scale are kept. */
  show(drawing: SVGElement, width: number, height: number): void;
  /** Fits the drawing into the element. */
  fit(): void;
  zoom(factor: number): void;
  /** Moves the drawing so that an area is visible at this scale or a larger one. */
  reveal(area: Area, scale: number): void;
  /** Moves a point of the drawing to the center. */
  centerOn(x: number, y: number): void;
  /** Returns true if the drawing was fitted and has not been moved since. It stays fitted when the element is resized. */
  isFitted(): boolean;
  scale(): number;
  /** Returns the part of the drawing that is visible; it can be larger than the drawing. */
  visible(): Area;
  /** Returns true if the last press of the pointer moved the drawing and so was not a click. */
  wasDragged(): boolean;
}

const [minScale, maxScale, maxFitScale] = [0.01, 4, 1.25];
/** A press that moves the pointer less than this many pixels is a click. */
const clickDistance = 4;
/** Milliseconds after the last movement at which a gesture counts as ended. */
const gesturePause = 160;
/** The space around a fitted drawing, and around what is revealed; pixels. */
const [fitMargin, revealMargin] = [6, 40];

/**
 * Adds panning and zooming with wheel, mouse and touch to an element. `onChange`: called after each change of position or scale;
 * `isGesture`: more changes may follow at once. After a gesture it is called once more.
 */
export function panZoom(holder: HTMLElement, onChange: (isGesture: boolean) => void): PanZoom {
  let [x, y, scale] = [0, 0, 1];
  let [width, height] = [1, 1];
  let drawing: SVGElement | undefined;
  let movedDistance = 0;
  let changes = 0;
  let isFitted = true;
  const pointers = new Map<number, PointerEvent>();

  const apply = (isGesture: boolean): void => {
    if (drawing === undefined) return;
    drawing.style.willChange = 'transform';
    drawing.style.transform = `translate(${x}px,${y}px) scale(${scale})`;
    const change = ++changes;
    setTimeout(() => {
      // If frames take long, the next movements are waiting already. They come before the second frame.
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          if (change !== changes) return;
          // From here on, text is rendered sharp again.
          drawing!.style.willChange = '';
          if (isGesture) onChange(false);
        }),
      );
    }, gesturePause);
    onChange(isGesture);
  };

  const zoomAt = (factor: number, left: number, top: number, isGesture = true): void => {
    const next = Math.min(maxScale, Math.max(minScale, scale * factor));
    x = left - ((left - x) * next) / scale;
    y = top - ((top - y) * next) / scale;
    scale = next;
    isFitted = false;
    apply(isGesture);
  };

  const fit = (): void => {
    const { clientWidth, clientHeight } = holder;
    const room = (size: number): number => Math.max(1, size - 2 * fitMargin);
    scale = Math.max(minScale, Math.min(room(clientWidth) / width, room(clientHeight) / height, maxFitScale));
    x = (clientWidth - width * scale) / 2;
    y = Math.max(fitMargin, (clientHeight - height * scale) / 2);
    isFitted = true;
    apply(false);
  };

  const centerOn = (left: number, top: number): void => {
    x = holder.clientWidth / 2 - left * scale;
    y = holder.clientHeight / 2 - top * scale;
    isFitted = false;
    apply(false);
  };

  holder.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const { left, top } = holder.getBoundingClientRect();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      zoomAt(Math.exp(-event.deltaY * lines * 0.0016), event.clientX - left, event.clientY - top);
    },
    { passive: false },
  );
  holder.addEventListener('pointerdown', (event) => {
    if (pointers.size === 0) movedDistance = 0;
    pointers.set(event.pointerId, event);
  });
  holder.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    pointers.set(event.pointerId, event);
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    movedDistance += Math.abs(dx) + Math.abs(dy);
    if (movedDistance < clickDistance) return;
    // Captures the pointer to also get movements outside of the element. Not earlier, because a click would lose its target.
    if (!holder.hasPointerCapture(event.pointerId)) holder.setPointerCapture(event.pointerId);
    const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    if (other === undefined) {
      [x, y, isFitted] = [x + dx, y + dy, false];
      apply(true);
      return;
    }
    const { left, top } = holder.getBoundingClientRect();
    const distance = ({ clientX, clientY }: PointerEvent): number =>
      Math.hypot(clientX - other.clientX, clientY - other.clientY);
    // Two fingers also move the drawing, each by half of its way.
    [x, y] = [x + dx / 2, y + dy / 2];
    const center = [
      (event.clientX + other.clientX) / 2 - left,
      (event.clientY + other.clientY) / 2 - top,
    ] as const;
    zoomAt(distance(event) / Math.max(1, distance(before)), ...center);
  });
  for (const type of ['pointerup', 'pointercancel'] as const)
    holder.addEventListener(type, (event) => pointers.delete(event.pointerId));
  new ResizeObserver(() => {
    if (holder.clientWidth === 0) return;
    if (isFitted) fit();
    else onChange(false);
  }).observe(holder);

  return {
    show(next, ...size) {
      const isSameSize = drawing !== undefined && width === size[0] && height === size[1];
      drawing?.remove();
      [drawing, [width, height]] = [next, size];
      holder.append(next);
      if (isSameSize) apply(false);
      else fit();
    },
    fit,
    zoom: (factor) => zoomAt(factor, holder.clientWidth / 2, holder.clientHeight / 2, false),
    reveal(area, enough) {
      if (scale < enough) {
        scale = enough;
        centerOn(area.x + area.width / 2, area.y + area.height / 2);
        return;
      }
      const move = (start: number, size: number, offset: number, room: number): number => {
        const [from, to] = [start * scale + offset, (start + size) * scale + offset];
        if (from < revealMargin || to - from > room - 2 * revealMargin) return revealMargin - from;
        return Math.min(0, room - revealMargin - to);
      };
      const dx = move(area.x, area.width, x, holder.clientWidth);
      const dy = move(area.y, area.height, y, holder.clientHeight);
      if (dx === 0 && dy === 0) return;
      [x, y, isFitted] = [x + dx, y + dy, false];
      apply(false);
    },
    centerOn,
    isFitted: () => isFitted,
    scale: () => scale,
    visible: () => ({
      x: -x / scale,
      y: -y / scale,
      width: holder.clientWidth / scale,
      height: holder.clientHeight / scale,
    }),
    wasDragged: () => movedDistance >= clickDistance,
  };
}
