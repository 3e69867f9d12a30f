import { type Drawing, type DrawnCard, makeDrawing } from '../draw/drawing.ts';
import { escapeXml } from '../draw/escape.ts';
import { STATE_STYLES, type State } from '../draw/state.ts';
import { svgContent } from '../draw/svg.ts';
import type { TaskId } from '../model/task.ts';
import { type Area, contains, enlarge, intersects } from './area.ts';
import { parseSvg } from './dom.ts';
import { foldedCard, foldScale, openScale } from './folded-card.ts';
import { highlightedLines, neighborOfCard } from './graph-links.ts';
import { minimap } from './minimap.ts';
import type { Emphasis, PageModel } from './page-model.ts';
import { type PanZoom, panZoom } from './pan-zoom.ts';

export interface GraphView {
  readonly canvas: PanZoom;
  /** Redraws the graph. */
  draw(options: GraphOptions): void;
  /** Updates the states and emphasis of the drawn tasks. `isHighlighted`: whether to highlight the line of a need. */
  update(
    emphasis: ReadonlyMap<TaskId, Emphasis>,
    isHighlighted: (task: TaskId, need: TaskId) => boolean,
  ): void;
  /** Moves the keyboard focus to a task, and the drawing so that its card is open and visible. */
  focus(id: TaskId): void;
  /** Moves the drawing so that a task is visible, by default with its card open. */
  reveal(id: TaskId, scale?: number): void;
}

export interface GraphOptions {
  /** True to draw each version as a card, in a lane for its image. */
  readonly expanded: boolean;
  /** Draws only these tasks. */
  readonly only: ReadonlySet<TaskId> | undefined;
}

/** The maximum number of versions on a card. */
const maxChips = 600;

/** During a gesture, cards are folded for a smaller scale than the current one, so that this is not needed in each frame. */
const gestureReserve = 0.7;

/** Creates the graph view in an element. `onSelect`: called for a task that was clicked. */
export function graphView(model: PageModel, element: HTMLElement, onSelect: (id: TaskId) => void): GraphView {
  const chips = new Map<TaskId, SVGGElement>();
  const places = new Map<TaskId, Area>();
  const cardElements = new Map<string, SVGGElement>();
  const shown = new Map<TaskId, State>();
  let drawing: Drawing | undefined;
  let root: SVGElement | undefined;
  let emphasis: ReadonlyMap<TaskId, Emphasis> = new Map();
  /** The scale and the area for which the cards are shown. */
  let rendered: { scale: number; area: Area } | undefined;

  const canvas = panZoom(element, (isGesture) => {
    if (isGesture) showDuringGesture();
    else showCards(targetScale());
    map.move();
  });
  const map = minimap(element, canvas);

  const draw: GraphView['draw'] = ({ expanded, only }) => {
    const tasks = model.data.tasks
      .filter(({ id }) => only?.has(id) ?? true)
      .map((task) => ({
        ...task,
        state: model.states.get(task.id)!,
        needs: task.needs.filter((id) => only?.has(id) ?? true),
        after: task.after.filter((id) => only?.has(id) ?? true),
      }));
    const aspect = Math.max(0.4, element.clientWidth / Math.max(1, element.clientHeight));
    const style = expanded ? 'card' : 'line';
    drawing = makeDrawing({ tasks }, { full: false, maxChips, legend: false, style, aspect });
    const { width, height } = drawing;
    root = parseSvg(
      `<svg class="tasks-graph" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${escapeXml(`${tasks.length} tasks; use the arrow keys to move between tasks`)}">${svgContent(drawing).join('')}<g class="over"/><g class="folds"/></svg>`,
    );
    for (const each of [chips, places, cardElements, shown]) each.clear();
    for (const chip of root.querySelectorAll<SVGGElement>('.chip[data-id]')) {
      const id = chip.dataset.id!;
      chips.set(id, chip);
      shown.set(id, model.states.get(id)!);
      chip.setAttribute('role', 'button');
      chip.setAttribute('tabindex', chips.size === 1 ? '0' : '-1');
      labelChip(chip, id);
    }
    for (const { card, shape, place } of drawing.cards) {
      for (const { id } of card.tasks) places.set(id, place);
      for (const { task, x, y, width: chipWidth, height: chipHeight } of shape.chips)
        if (task !== undefined)
          places.set(task.id, { x: place.x + x, y: place.y + y, width: chipWidth, height: chipHeight });
    }
    for (const card of root.querySelectorAll<SVGGElement>('.card'))
      cardElements.set(card.dataset.card!, card);
    rendered = undefined;
    emphasis = new Map();
    map.show(drawing, (id) => model.states.get(id)!);
    canvas.show(root, width, height);
  };

  const labelChip = (chip: SVGGElement, id: TaskId): void =>
    chip.setAttribute('aria-label', `${id}, ${STATE_STYLES[model.states.get(id)!].label}`);

  const setState = (id: TaskId, chip: SVGGElement, state: State): void => {
    shown.set(id, state);
    const { shape, isLine } = STATE_STYLES[state];
    chip.setAttribute('class', `chip s-${state}`);
    const path = chip.querySelector('path')!;
    path.setAttribute('d', shape);
    path.setAttribute('class', isLine ? 'stroke' : 'fill');
    labelChip(chip, id);
  };

  /** Returns the scale for which cards are shown when nothing moves; 1: open. */
  const targetScale = (): number => (canvas.scale() >= openScale ? 1 : foldScale(canvas.scale()));

  /** Shows cards again only if text would get too small, or if the edge of what was shown is reached. */
  const showDuringGesture = (): void => {
    if (rendered === undefined) return;
    const isTooSmall = canvas.scale() < (rendered.scale === 1 ? openScale : rendered.scale);
    showCards(isTooSmall ? foldScale(canvas.scale() * gestureReserve) : rendered.scale);
  };

  /**
   * Shows the cards in and around the visible area for a scale: folded, or open if it is 1. Does nothing if they are shown already.
   * `again`: in any case.
   */
  const showCards = (scale: number, again = false): void => {
    if (drawing === undefined || root === undefined) return;
    const visible = canvas.visible();
    if (!again && scale === rendered?.scale && contains(rendered.area, visible)) return;
    rendered = { scale, area: enlarge(visible) };
    root.classList.toggle('folded', scale < 1);
    root.style.setProperty('--unit', String(1 / scale));
    const near = drawing.cards.filter(({ place }) => intersects(place, rendered!.area));
    if (scale < 1) showFolds(near, scale);
    else showOpen(new Set(near.map(({ card }) => card.id)));
  };

  const showFolds = (cards: readonly DrawnCard[], scale: number): void => {
    const layer = root!.querySelector('.folds')!;
    const context = {
      scale,
      stateOf: (id: TaskId) => model.states.get(id)!,
      emphasisOf: (id: TaskId) => emphasis.get(id) ?? 'plain',
    };
    const focused = layer.contains(document.activeElement) ? cardOf(document.activeElement) : undefined;
    layer.innerHTML = cards.map((card) => foldedCard(card, context)).join('');
    const next = foldOf(focused) ?? layer.firstElementChild;
    next?.setAttribute('tabindex', '0');
    if (focused !== undefined) (next as SVGElement | null)?.focus({ preventScroll: true });
  };

  const foldOf = (card: string | undefined): SVGElement | undefined =>
    ([...root!.querySelector('.folds')!.children] as SVGElement[]).find(
      ({ dataset }) => dataset.card === card,
    );

  const showOpen = (near: ReadonlySet<string>): void => {
    root!.querySelector('.folds')!.replaceChildren();
    for (const [id, card] of cardElements) card.classList.toggle('away', !near.has(id));
    // The Tab key must reach a task that is shown.
    const [stop] = root!.querySelectorAll<SVGElement>('.chip[tabindex="0"]');
    if (stop?.closest('.away') === null) return;
    stop?.setAttribute('tabindex', '-1');
    root!.querySelector('.card:not(.away) .chip[data-id]')?.setAttribute('tabindex', '0');
  };

  const update: GraphView['update'] = (next, isHighlighted) => {
    const isPlain = [...next.values()].every((each) => each === 'plain');
    let isChanged = false;
    for (const [id, chip] of chips) {
      const each = next.get(id)!;
      const state = model.states.get(id)!;
      isChanged ||= each !== (emphasis.get(id) ?? 'plain') || shown.get(id) !== state;
      if (shown.get(id) !== state) setState(id, chip, state);
      if (chip.dataset.emphasis !== each) chip.dataset.emphasis = each;
      chip.setAttribute('aria-pressed', String(each === 'selected'));
    }
    emphasis = next;
    for (const { card } of drawing!.cards) {
      const isDimmed = card.tasks.every(({ id }) => emphasis.get(id) === 'dim');
      cardElements.get(card.id)?.classList.toggle('dimmed', isDimmed);
    }
    element.classList.toggle('emphasized', !isPlain);
    root!.querySelector('.over')!.innerHTML = isPlain ? '' : highlightedLines(drawing!, isHighlighted);
    if (!isChanged) return;
    if (rendered !== undefined && rendered.scale < 1) showCards(rendered.scale, true);
    map.show(drawing!, (id) => model.states.get(id)!);
  };

  const reveal: GraphView['reveal'] = (id, scale = openScale) => {
    const place = places.get(id);
    if (place !== undefined) canvas.reveal(place, scale);
  };

  const focus: GraphView['focus'] = (id) => {
    reveal(id);
    const chip = chips.get(id);
    if (chip !== undefined) moveFocus(chip);
  };

  const moveFocus = (to: SVGElement): void => {
    for (const other of element.querySelectorAll('[tabindex="0"]')) other.setAttribute('tabindex', '-1');
    to.setAttribute('tabindex', '0');
    to.focus({ preventScroll: true });
  };

  /** Selects the task at an element, or opens the folded card of several tasks. Returns false if nothing is there. */
  const activate = (target: Element): boolean => {
    const id = target.closest<SVGElement>('[data-id], [data-task]')?.dataset;
    const task = id?.id ?? id?.task;
    const card = cardOf(target.closest('.fold'));
    if (task !== undefined) onSelect(task);
    else if (card !== undefined) canvas.reveal(drawnCard(card).place, openScale);
    else return false;
    return true;
  };

  const drawnCard = (id: string): DrawnCard => drawing!.cards.find(({ card }) => card.id === id)!;

  element.addEventListener('click', (event) => {
    if (!canvas.wasDragged()) activate(event.target as Element);
  });
  element.addEventListener('keydown', (event) => {
    const target = event.target as Element;
    if (!target.matches('.chip, .fold')) return;
    if (event.key === 'Enter' || event.key === ' ') activate(target);
    else if (target.matches('.fold')) {
      const next = neighborOfCard(drawing!, (target as SVGElement).dataset.card!, event.key);
      if (next === undefined) return;
      canvas.reveal(drawnCard(next).place, 0);
      const fold = foldOf(next);
      if (fold !== undefined) moveFocus(fold);
    } else {
      const next = neighbor((target as SVGElement).dataset.id!, event.key);
      if (next === undefined) return;
      focus(next);
    }
    event.preventDefault();
  });

  /** Returns the task that an arrow key moves to: the previous or next task, a dependent, or a need. */
  const neighbor = (id: TaskId, key: string): TaskId | undefined => {
    const ids = [...chips.keys()];
    const at = ids.indexOf(id);
    if (key === 'ArrowLeft') return ids[at - 1];
    if (key === 'ArrowRight') return ids[at + 1];
    if (key === 'ArrowDown') return model.tasks.get(id)?.needs.find((need) => chips.has(need));
    return key === 'ArrowUp' ? model.dependents.get(id)?.find((other) => chips.has(other)) : undefined;
  };

  return { canvas, draw, update, focus, reveal };
}

function cardOf(element: Element | null): string | undefined {
  return element instanceof SVGElement ? element.dataset.card : undefined;
}
