// The page of `tasks graph --format html`, `tasks graph --serve` and `tasks build --ui`. It works from a file, alone.

import type { PageData } from '../draw/page-data.ts';
import { formatClock, formatDuration } from '../report/units.ts';
import { detailsPanel } from './details.ts';
import { h } from './dom.ts';
import { graphView } from './graph-view.ts';
import { followEvents, readPageData } from './live-events.ts';
import { matrixView } from './matrix-view.ts';
import {
  computeEmphasis,
  highlightedNeeds,
  initialViewState,
  makePageModel,
  matchesFilters,
  type PageModel,
  type ViewState,
} from './page-model.ts';
import { applyEvent, emptyRunState, lastRun, type RunState } from './run-state.ts';
import { makeShell, type ViewName } from './shell.ts';
import { showInSidebar } from './sidebar.ts';
import { timelineView } from './timeline-view.ts';
import { bannerText, replaceStateButtons, stateFilterButtons } from './toolbar.ts';

/** Makes the page, and keeps it as a person and, where it is live, the program want it. */
function start(data: PageData): void {
  const model = makePageModel(data);
  let choice: ViewState = { ...initialViewState, selected: selectedByAddress(model) };
  let run: RunState = emptyRunState();
  let [isFull, isWaiting] = [false, false];

  const shell = makeShell(data, {
    change,
    onView: () => soon(),
    onFull: (full) => {
      isFull = full;
      graph.draw(isFull);
      updateGraph(computeEmphasis(model, choice));
    },
    onKey,
    viewState: () => choice,
  });
  const select = (id: string | undefined): void =>
    change({ selected: id === choice.selected ? undefined : id });
  const graph = graphView(model, shell.views.graph, select);
  let matrix = matrixView(model, shell.views.matrix, select);
  const timeline = timelineView(shell.views.timeline, select);

  /** Draws once for all changes of a moment: events come in floods. */
  function soon(): void {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      update();
    });
  }

  function change(next: Partial<ViewState>): void {
    choice = { ...choice, ...next };
    soon();
  }

  function update(): void {
    const emphasis = computeEmphasis(model, choice);
    updateGraph(emphasis);
    matrix.update(emphasis, (id) => matchesFilters(model, model.tasks.get(id)!, choice));
    replaceStateButtons(
      shell.states,
      stateFilterButtons(model, choice, run.start > 0, (hidden) => change({ hidden })),
    );
    shell.banner.textContent = bannerText(model, choice);
    shell.show(choice);
    if (shell.view() === 'timeline') updateTimeline();
    updateDetails();
    noteInAddress(choice.selected);
  }

  function updateGraph(emphasis: ReturnType<typeof computeEmphasis>): void {
    graph.update(emphasis, highlightedNeeds(model, choice, emphasis));
  }

  function updateTimeline(): void {
    const isOver = run.result !== undefined;
    const bars = run.start > 0 ? run.bars : lastRun(model.data.tasks);
    const title =
      run.start > 0
        ? runTitle(run)
        : bars.length > 0
          ? 'The last run, as its results tell'
          : 'Nothing was made here yet';
    timeline.update(bars, isOver || run.start === 0 ? run.now : Date.now(), title);
  }

  function updateDetails(): void {
    const task = choice.selected === undefined ? undefined : model.tasks.get(choice.selected);
    const isBumped = task !== undefined && choice.bumped.has(task.id);
    showInSidebar(
      shell.side,
      task && detailsPanel({ task, model, run, isBumped }, { select: goTo, bump: toggleBump }),
    );
  }

  function goTo(id: string | undefined): void {
    change({ selected: id });
    if (id !== undefined && shell.view() === 'graph') graph.focus(id);
  }

  function toggleBump(id: string): void {
    const bumped = new Set(choice.bumped);
    if (!bumped.delete(id)) bumped.add(id);
    change({ bumped });
  }

  function onKey(key: string): boolean {
    const views: Readonly<Record<string, ViewName>> = { g: 'graph', m: 'matrix', t: 'timeline' };
    if (key in views) shell.setView(views[key]!);
    else if (key === 'f') graph.canvas.fit();
    else if (key === '+' || key === '=') graph.canvas.zoom(1.25);
    else if (key === '-') graph.canvas.zoom(0.8);
    else if (key === 'c') change({ isPathShown: !choice.isPathShown });
    else if (key === 'b' && choice.selected !== undefined) toggleBump(choice.selected);
    else if (key === 'Escape') change({ ...initialViewState });
    else if (key === 'n') next();
    else return false;
    return true;
  }

  /** Selects the next task that the search and the filters let through. */
  function next(): void {
    const shown = model.data.tasks.filter((task) => matchesFilters(model, task, choice)).map(({ id }) => id);
    const id = shown[(shown.indexOf(choice.selected ?? '') + 1) % Math.max(1, shown.length)];
    if (id !== undefined) goTo(id);
  }

  /** Another state of the project: in place, so that nothing moves that a person looks at. */
  function adopt(next: PageData): void {
    if (next.tasks.map(({ id }) => id).join() !== model.data.tasks.map(({ id }) => id).join()) {
      location.reload();
      return;
    }
    Object.assign(model, makePageModel(next));
    graph.draw(isFull);
    matrix = matrixView(model, shell.views.matrix, select);
    update();
  }

  graph.draw(isFull);
  update();
  if (choice.selected !== undefined) graph.focus(choice.selected);
  if (!data.isLive) return;
  setInterval(() => {
    if (run.start > 0 && run.result === undefined) soon();
  }, 1000);
  followEvents({
    onEvent: (event) => {
      run = applyEvent(run, event);
      for (const [id, state] of run.states) if (model.states.has(id)) model.states.set(id, state);
      if (run.result !== undefined) shell.live.textContent = runTitle(run);
      soon();
    },
    onData: adopt,
    onStatus: (text) => {
      shell.live.textContent = run.result === undefined ? text : `${runTitle(run)}; ${text}`;
    },
  });
}

function runTitle({ command, jobs, start, now, result }: RunState): string {
  const slots = `tasks ${command}, ${jobs} ${jobs === 1 ? 'slot' : 'slots'}`;
  if (result === undefined) return `${slots}: running for ${formatClock(Math.max(0, now - start))}`;
  return `${slots}: ${result.ok ? 'done' : 'failed'} in ${formatDuration(result.ms)}`;
}

/** `#postgres%3A17` selects a task, so that a link can. */
function selectedByAddress({ tasks }: PageModel): string | undefined {
  try {
    const id = decodeURIComponent(location.hash.slice(1));
    return tasks.has(id) ? id : undefined;
  } catch {
    // Not an address that we made.
    return undefined;
  }
}

/** Only where it is another: browsers allow it a few times a second. */
function noteInAddress(selected: string | undefined): void {
  const hash = selected === undefined ? '' : `#${encodeURIComponent(selected)}`;
  if (location.hash !== hash) history.replaceState(null, '', hash === '' ? '#' : hash);
}

document.body.append(h('div', { id: 'app' }));
start(readPageData(document));
