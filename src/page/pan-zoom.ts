/** Moves and scales a drawing in the element that contains it. */
export interface PanZoom {
  /** Replaces the drawing. If the size is the same, position and scale are kept. */
  show(drawing: SVGElement, width: number, height: number): void;
  /** Fits the drawing into the element. */
  fit(): void;
  zoom(factor: number): void;
  /** Moves the drawing so that a part of it is visible. */
  reveal(part: Element): void;
  /** Returns true if the last press of the pointer moved the drawing and so was not a click. */
  wasDragged(): boolean;
}

const [minScale, maxScale] = [0.05, 4];
/** A press that moves the pointer less than this many pixels is a click. */
const clickDistance = 4;
/** Milliseconds after the last movement at which text is rendered sharp again. */
const sharpenDelay = 160;

/** Adds panning and zooming with wheel, mouse and touch to an element. */
export function panZoom(holder: HTMLElement): PanZoom {
  let [x, y, scale] = [0, 0, 1];
  let [width, height] = [1, 1];
  let drawing: SVGElement | undefined;
  let movedDistance = 0;
  let sharpenTimer: ReturnType<typeof setTimeout> | undefined;
  let isFitted = true;
  const pointers = new Map<number, PointerEvent>();

  const apply = (): void => {
    if (drawing === undefined) return;
    drawing.style.willChange = 'transform';
    drawing.style.transform = `translate(${x}px,${y}px) scale(${scale})`;
    clearTimeout(sharpenTimer);
    sharpenTimer = setTimeout(() => {
      drawing!.style.willChange = '';
    }, sharpenDelay);
  };

  const zoomAt = (factor: number, left: number, top: number): void => {
    const next = Math.min(maxScale, Math.max(minScale, scale * factor));
    x = left - ((left - x) * next) / scale;
    y = top - ((top - y) * next) / scale;
    scale = next;
    isFitted = false;
    apply();
  };

  /** Shows all of the drawing, or only its top if the text would be too small to read. */
  const fit = (): void => {
    const { clientWidth, clientHeight } = holder;
    const fitted = Math.min(clientWidth / width, clientHeight / height, 1.25);
    scale = Math.max(fitted, Math.min(0.7, clientWidth / width));
    x = (clientWidth - width * scale) / 2;
    y = Math.max(0, (clientHeight - height * scale) / 2);
    isFitted = true;
    apply();
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
      apply();
      return;
    }
    const { left, top } = holder.getBoundingClientRect();
    const distance = ({ clientX, clientY }: PointerEvent): number =>
      Math.hypot(clientX - other.clientX, clientY - other.clientY);
    const center = [
      (event.clientX + other.clientX) / 2 - left,
      (event.clientY + other.clientY) / 2 - top,
    ] as const;
    zoomAt(distance(event) / Math.max(1, distance(before)), ...center);
  });
  for (const type of ['pointerup', 'pointercancel'] as const)
    holder.addEventListener(type, (event) => pointers.delete(event.pointerId));
  new ResizeObserver(() => {
    if (isFitted && holder.clientWidth > 0) fit();
  }).observe(holder);

  return {
    show(next, ...size) {
      const isSameSize = drawing !== undefined && width === size[0] && height === size[1];
      drawing?.remove();
      [drawing, [width, height]] = [next, size];
      holder.append(next);
      if (isSameSize) apply();
      else fit();
    },
    fit,
    zoom: (factor) => zoomAt(factor, holder.clientWidth / 2, holder.clientHeight / 2),
    reveal(part) {
      const [inner, outer] = [part.getBoundingClientRect(), holder.getBoundingClientRect()];
      const edge = 40;
      const move = (from: number, to: number, low: number, high: number): number =>
        from < low + edge ? low + edge - from : to > high - edge ? high - edge - to : 0;
      const dx = move(inner.left, inner.right, outer.left, outer.right);
      const dy = move(inner.top, inner.bottom, outer.top, outer.bottom);
      if (dx === 0 && dy === 0) return;
      [x, y, isFitted] = [x + dx, y + dy, false];
      apply();
    },
    wasDragged: () => movedDistance >= clickDistance,
  };
}
