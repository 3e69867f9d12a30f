import { type Drawing, makeDrawing } from '../draw/drawing.ts';
import { escapeXml } from '../draw/escape.ts';
import { STATE_STYLES, type State } from '../draw/state.ts';
import { arrowhead, linePath, svgContent } from '../draw/svg.ts';
import type { TaskId } from '../model/task.ts';
import { parseSvg } from './dom.ts';
import type { Emphasis, PageModel } from './page-model.ts';
import { type PanZoom, panZoom } from './pan-zoom.ts';

export interface GraphView {
  readonly element: HTMLElement;
  readonly canvas: PanZoom;
  /** Redraws the graph with a card per image, or per task if `full` is true. */
  draw(full: boolean): void;
  /** Updates the states and emphasis of the drawn tasks. `isHighlighted`: whether to highlight the line of a need. */
  update(
    emphasis: ReadonlyMap<TaskId, Emphasis>,
    isHighlighted: (task: TaskId, need: TaskId) => boolean,
  ): void;
  /** Moves the keyboard focus to a task and scrolls it into view. */
  focus(id: TaskId): void;
}

/** The maximum number of versions on a card. */
const maxChips = 600;

/** Creates the graph view in an element. */
export function graphView(model: PageModel, element: HTMLElement, onSelect: (id: TaskId) => void): GraphView {
  const canvas = panZoom(element);
  const chips = new Map<TaskId, SVGGElement>();
  const shown = new Map<TaskId, State>();
  let drawing: Drawing | undefined;
  let overlay: Element | undefined;

  const draw: GraphView['draw'] = (full) => {
    const tasks = model.data.tasks.map((task) => ({ ...task, state: model.states.get(task.id)! }));
    drawing = makeDrawing({ tasks }, { full, maxChips, legend: false });
    const { width, height } = drawing;
    const root = parseSvg(
      `<svg class="tasks-graph" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${escapeXml(`${tasks.length} tasks; use the arrow keys to move between tasks`)}">${svgContent(drawing).join('')}<g class="over"/></svg>`,
    );
    overlay = root.querySelector('.over')!;
    chips.clear();
    shown.clear();
    for (const chip of root.querySelectorAll<SVGGElement>('[data-id]')) {
      const id = chip.dataset.id!;
      chips.set(id, chip);
      shown.set(id, model.states.get(id)!);
      chip.setAttribute('role', 'button');
      chip.setAttribute('tabindex', chips.size === 1 ? '0' : '-1');
      labelChip(chip, id);
    }
    canvas.show(root, width, height);
  };

  const labelChip = (chip: SVGGElement, id: TaskId): void =>
    chip.setAttribute('aria-label', `${id}, ${STATE_STYLES[model.states.get(id)!].label}`);

  const setState = (id: TaskId, chip: SVGGElement, state: State): void => {
    if (shown.get(id) === state) return;
    shown.set(id, state);
    const { shape, isLine } = STATE_STYLES[state];
    chip.setAttribute('class', `chip s-${state}`);
    const path = chip.querySelector('path')!;
    path.setAttribute('d', shape);
    path.setAttribute('class', isLine ? 'stroke' : 'fill');
    labelChip(chip, id);
  };

  const update: GraphView['update'] = (emphasis, isHighlighted) => {
    const isPlain = [...emphasis.values()].every((each) => each === 'plain');
    for (const [id, chip] of chips) {
      setState(id, chip, model.states.get(id)!);
      const each = emphasis.get(id)!;
      if (chip.dataset.emphasis !== each) chip.dataset.emphasis = each;
      chip.setAttribute('aria-pressed', String(each === 'selected'));
    }
    for (const { card } of drawing!.cards) {
      const isDimmed = card.tasks.every(({ id }) => emphasis.get(id) === 'dim');
      cardOf(chips.get(card.tasks[0]!.id))?.classList.toggle('dimmed', isDimmed);
    }
    element.classList.toggle('emphasized', !isPlain);
    overlay!.innerHTML = isPlain ? '' : highlightedLines(isHighlighted);
  };

  /** Renders the lines between cards that contain a highlighted need. */
  const highlightedLines = (isHighlighted: (task: TaskId, need: TaskId) => boolean): string => {
    const tasksOf = new Map(drawing!.cards.map(({ card }) => [card.id, card.tasks]));
    return drawing!.links
      .filter(({ from, to }) => {
        const targets = new Set(tasksOf.get(to)!.map(({ id }) => id));
        return tasksOf
          .get(from)!
          .some(({ id, needs }) => needs.some((need) => targets.has(need) && isHighlighted(id, need)));
      })
      .map(({ line }) => `<path class="link highlighted" d="${linePath(line)}"/>${arrowhead(line.at(-1)!)}`)
      .join('');
  };

  const focus: GraphView['focus'] = (id) => {
    const chip = chips.get(id);
    if (chip === undefined) return;
    for (const other of element.querySelectorAll('[tabindex="0"]')) other.setAttribute('tabindex', '-1');
    chip.setAttribute('tabindex', '0');
    chip.focus({ preventScroll: true });
    canvas.reveal(chip);
  };

  element.addEventListener('click', (event) => {
    const id = idAt(event.target);
    if (id !== undefined && !canvas.wasDragged()) onSelect(id);
  });
  element.addEventListener('keydown', (event) => {
    const id = idAt(event.target);
    if (id === undefined) return;
    if (event.key === 'Enter' || event.key === ' ') onSelect(id);
    else {
      const next = neighbor(id, event.key);
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
    if (key === 'ArrowDown') return model.tasks.get(id)?.needs[0];
    return key === 'ArrowUp' ? model.dependents.get(id)?.[0] : undefined;
  };

  return { element, canvas, draw, update, focus };
}

function idAt(target: EventTarget | null): TaskId | undefined {
  return target instanceof Element ? target.closest<SVGGElement>('[data-id]')?.dataset.id : undefined;
}

function cardOf(chip: Element | undefined): Element | null | undefined {
  return chip?.closest('.card');
}
