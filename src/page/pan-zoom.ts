/** A drawing that can be moved and made larger in the element that holds it. */
export interface PanZoom {
  /** One of the same size stands where the last one stood. */
  show(drawing: SVGElement, width: number, height: number): void;
  fit(): void;
  zoom(factor: number): void;
  /** Moves so that a part of it is in sight. */
  reveal(part: Element): void;
  /** True where the last press of the pointer moved it: that was no click. */
  wasDragged(): boolean;
}

const [smallest, largest] = [0.05, 4];
/** A pointer that moves less still means a click. */
const click = 4;
/** After the last movement, milliseconds: then text is drawn sharp again. */
const rest = 160;

export function panZoom(holder: HTMLElement): PanZoom {
  let [x, y, scale] = [0, 0, 1];
  let [width, height] = [1, 1];
  let drawing: SVGElement | undefined;
  let moved = 0;
  let resting: ReturnType<typeof setTimeout> | undefined;
  let isFitted = true;
  const pointers = new Map<number, PointerEvent>();

  const apply = (): void => {
    if (drawing === undefined) return;
    drawing.style.willChange = 'transform';
    drawing.style.transform = `translate(${x}px,${y}px) scale(${scale})`;
    clearTimeout(resting);
    resting = setTimeout(() => {
      drawing!.style.willChange = '';
    }, rest);
  };

  const zoomAt = (factor: number, left: number, top: number): void => {
    const next = Math.min(largest, Math.max(smallest, scale * factor));
    x = left - ((left - x) * next) / scale;
    y = top - ((top - y) * next) / scale;
    scale = next;
    isFitted = false;
    apply();
  };

  /** All of it, but not so small that nothing can be read: then its top. */
  const fit = (): void => {
    const { clientWidth, clientHeight } = holder;
    const whole = Math.min(clientWidth / width, clientHeight / height, 1.25);
    scale = Math.max(whole, Math.min(0.7, clientWidth / width));
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
    if (pointers.size === 0) moved = 0;
    pointers.set(event.pointerId, event);
  });
  holder.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    pointers.set(event.pointerId, event);
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    moved += Math.abs(dx) + Math.abs(dy);
    if (moved < click) return;
    // From here on it gets the movements outside of it, too; before, a click would lose its target.
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
    const middle = [
      (event.clientX + other.clientX) / 2 - left,
      (event.clientY + other.clientY) / 2 - top,
    ] as const;
    zoomAt(distance(event) / Math.max(1, distance(before)), ...middle);
  });
  for (const type of ['pointerup', 'pointercancel'] as const)
    holder.addEventListener(type, (event) => pointers.delete(event.pointerId));
  new ResizeObserver(() => {
    if (isFitted && holder.clientWidth > 0) fit();
  }).observe(holder);

  return {
    show(next, ...size) {
      const isAlike = drawing !== undefined && width === size[0] && height === size[1];
      drawing?.remove();
      [drawing, [width, height]] = [next, size];
      holder.append(next);
      if (isAlike) apply();
      else fit();
    },
    fit,
    zoom: (factor) => zoomAt(factor, holder.clientWidth / 2, holder.clientHeight / 2),
    reveal(part) {
      const [own, outer] = [part.getBoundingClientRect(), holder.getBoundingClientRect()];
      const edge = 40;
      const move = (from: number, to: number, low: number, high: number): number =>
        from < low + edge ? low + edge - from : to > high - edge ? high - edge - to : 0;
      const dx = move(own.left, own.right, outer.left, outer.right);
      const dy = move(own.top, own.bottom, outer.top, outer.bottom);
      if (dx === 0 && dy === 0) return;
      [x, y, isFitted] = [x + dx, y + dy, false];
      apply();
    },
    wasDragged: () => moved >= click,
  };
}
