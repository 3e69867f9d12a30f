// The page of `tasks graph --format html`, `tasks graph --serve` and `tasks build --ui`. It also works from a file, without a server.

import type { PageData } from '../draw/page-data.ts';
import { formatClock, formatDuration, pluralize } from '../report/units.ts';
import { bannerText } from './banner.ts';
import { detailsPanel } from './details.ts';
import { h } from './dom.ts';
import { graphView } from './graph-view.ts';
import { followEvents, readPageData } from './live-events.ts';
import { formatLocalTime } from './local-time.ts';
import { matrixView } from './matrix-view.ts';
import {
  computeEmphasis,
  highlightedNeeds,
  initialViewState,
  makePageModel,
  matchesFilters,
  type PageModel,
  surroundings,
  type ViewState,
} from './page-model.ts';
import { applyEvent, emptyRunState, lastRun, type RunState, type TimelineBar } from './run-state.ts';
import { makeShell, type ViewName } from './shell.ts';
import { showInSidebar } from './sidebar.ts';
import { timelineView } from './timeline-view.ts';
import { replaceStateButtons, stateFilterButtons } from './toolbar.ts';

/** Builds the page, and updates it on input and, if it is live, on events of the run. */
function start(data: PageData): void {
  const model = makePageModel(data);
  let viewState: ViewState = { ...initialViewState, selected: taskInAddress(model) };
  let run: RunState = emptyRunState();
  let [isExpanded, isUpdateScheduled] = [false, false];
  /** The focus that the graph was drawn with. */
  let drawnFocus: string | undefined;

  const shell = makeShell(data, {
    change,
    onView: scheduleUpdate,
    onExpand: (expanded) => {
      isExpanded = expanded;
      drawGraph();
      update();
    },
    onStep: stepToMatch,
    onKey,
    viewState: () => viewState,
  });
  const select = (id: string | undefined): void =>
    change({ selected: id === viewState.selected ? undefined : id });
  const graph = graphView(model, shell.views.graph, select);
  let matrix = matrixView(model, shell.views.matrix, select);
  const timeline = timelineView(shell.views.timeline, select);

  /** Draws at most once per frame, however many events arrive. */
  function scheduleUpdate(): void {
    if (isUpdateScheduled) return;
    isUpdateScheduled = true;
    requestAnimationFrame(() => {
      isUpdateScheduled = false;
      update();
    });
  }

  function change(next: Partial<ViewState>): void {
    viewState = { ...viewState, ...next };
    scheduleUpdate();
  }

  function drawGraph(): void {
    drawnFocus = viewState.focused;
    graph.draw({ expanded: isExpanded, only: surroundings(model, drawnFocus) });
  }

  function update(): void {
    if (drawnFocus !== viewState.focused) {
      drawGraph();
      if (viewState.selected !== undefined && viewState.focused === undefined)
        graph.reveal(viewState.selected);
    }
    const emphasis = computeEmphasis(model, viewState);
    updateGraph(emphasis);
    const matches = shownTasks();
    const shown = new Set(matches);
    matrix.update(emphasis, (id) => shown.has(id));
    shell.search.show(viewState.search, matches.length, matches.indexOf(viewState.selected ?? '') + 1);
    replaceStateButtons(
      shell.states,
      stateFilterButtons(model, viewState, run.start > 0, (hidden) => change({ hidden })),
    );
    shell.banner.textContent = bannerText(model, viewState);
    shell.show(viewState);
    if (shell.view() === 'timeline') updateTimeline();
    updateDetails();
    updateAddress(viewState.selected);
  }

  function updateGraph(emphasis: ReturnType<typeof computeEmphasis>): void {
    graph.update(emphasis, highlightedNeeds(model, viewState, emphasis));
  }

  function updateTimeline(): void {
    const isFinished = run.result !== undefined;
    const bars = run.start > 0 ? run.bars : lastRun(model.data.tasks);
    const title = run.start > 0 ? runTitle(run) : lastRunTitle(bars);
    const now = isFinished || run.start === 0 ? run.now : Date.now();
    timeline.update(bars, now, title, viewState.selected);
  }

  function updateDetails(): void {
    const task = viewState.selected === undefined ? undefined : model.tasks.get(viewState.selected);
    const wasHidden = shell.side.hidden;
    const isBumped = task !== undefined && viewState.bumped.has(task.id);
    showInSidebar(
      shell.side,
      task &&
        detailsPanel(
          {
            task,
            model,
            run,
            isBumped,
            isFocused: viewState.focused === task.id,
            logFirst: shell.view() === 'timeline',
          },
          { select: goTo, bump: toggleBump, focus: toggleFocus },
        ),
    );
    // The details may cover the place where the task was.
    const { canvas } = graph;
    if (wasHidden && task !== undefined && shell.view() === 'graph' && !canvas.isFitted())
      graph.reveal(task.id, canvas.scale());
  }

  function goTo(id: string | undefined): void {
    change({ selected: id });
    if (id !== undefined && shell.view() === 'graph') graph.focus(id);
  }

  function toggleBump(id: string): void {
    const bumped = new Set(viewState.bumped);
    if (!bumped.delete(id)) bumped.add(id);
    change({ bumped });
  }

  function toggleFocus(id: string): void {
    // A search would dim most of what is in focus.
    change(viewState.focused === id ? { focused: undefined } : { focused: id, search: '' });
  }

  function onKey(key: string): boolean {
    const views: Readonly<Record<string, ViewName>> = { g: 'graph', m: 'matrix', t: 'timeline' };
    if (key in views) shell.setView(views[key]!);
    else if (key === 'f') graph.canvas.fit();
    else if (key === '+' || key === '=') graph.canvas.zoom(1.25);
    else if (key === '-') graph.canvas.zoom(0.8);
    else if (key === 'c') change({ isPathShown: !viewState.isPathShown });
    else if (key === 'b' && viewState.selected !== undefined) toggleBump(viewState.selected);
    else if (key === 'o' && viewState.selected !== undefined) toggleFocus(viewState.selected);
    else if (key === 'Escape')
      change(viewState.focused === undefined ? initialViewState : { focused: undefined });
    else if (key === 'n' || key === 'N') stepToMatch(key === 'n' ? 1 : -1);
    else return false;
    return true;
  }

  /** Returns the tasks that neither the focus nor the search and the filters hide. */
  function shownTasks(): string[] {
    const around = surroundings(model, viewState.focused);
    return model.data.tasks
      .filter((task) => (around?.has(task.id) ?? true) && matchesFilters(model, task, viewState))
      .map(({ id }) => id);
  }

  /** Selects the next or previous task that matches the search and the filters. */
  function stepToMatch(step: 1 | -1): void {
    const shown = shownTasks();
    const at = shown.indexOf(viewState.selected ?? '');
    const next = at < 0 && step < 0 ? shown.length - 1 : at + step;
    const id = shown.at(next % Math.max(1, shown.length));
    if (id === undefined) return;
    change({ selected: id });
    if (shell.view() === 'graph') graph.reveal(id);
  }

  /** Shows new data. If the tasks are the same, the page is updated in place and keeps its position and selection. */
  function replaceData(next: PageData): void {
    if (next.tasks.map(({ id }) => id).join() !== model.data.tasks.map(({ id }) => id).join()) {
      location.reload();
      return;
    }
    Object.assign(model, makePageModel(next));
    drawGraph();
    matrix = matrixView(model, shell.views.matrix, select);
    update();
  }

  drawGraph();
  update();
  if (viewState.selected !== undefined) graph.focus(viewState.selected);
  if (!data.isLive) return;
  setInterval(() => {
    if (run.start > 0 && run.result === undefined) scheduleUpdate();
  }, 1000);
  followEvents({
    onEvent: (event) => {
      run = applyEvent(run, event);
      for (const [id, state] of run.states) if (model.states.has(id)) model.states.set(id, state);
      if (run.result !== undefined) shell.live.textContent = runTitle(run);
      scheduleUpdate();
    },
    onData: replaceData,
    onStatus: (text) => {
      shell.live.textContent = run.result === undefined ? text : `${runTitle(run)}; ${text}`;
    },
  });
}

/** Formats `Last run, 2026-11-12 14:02: 12 tasks in 3 m 2 s`. */
function lastRunTitle(bars: readonly TimelineBar[]): string {
  if (bars.length === 0) return 'Nothing has been built yet';
  const start = Math.min(...bars.map((bar) => bar.start));
  const end = Math.max(...bars.map((bar) => bar.end ?? bar.start));
  return `Last run, ${formatLocalTime(start)}: ${pluralize(bars.length, 'task')} in ${formatDuration(end - start)}`;
}

function runTitle({ command, jobs, start, now, result }: RunState): string {
  const title = `tasks ${command}, ${pluralize(jobs, 'job')}`;
  if (result === undefined) return `${title}: running for ${formatClock(Math.max(0, now - start))}`;
  return `${title}: ${result.ok ? 'done' : 'failed'} in ${formatDuration(result.ms)}`;
}

/** Returns the task that the fragment of the address selects, as in `#postgres%3A17`. */
function taskInAddress({ tasks }: PageModel): string | undefined {
  try {
    const id = decodeURIComponent(location.hash.slice(1));
    return tasks.has(id) ? id : undefined;
  } catch {
    // The fragment is not a valid encoding.
    return undefined;
  }
}

/** Puts the selected task into the address. Does nothing if it is there already, because browsers limit the rate of changes. */
function updateAddress(selected: string | undefined): void {
  const hash = selected === undefined ? '' : `#${encodeURIComponent(selected)}`;
  if (location.hash !== hash) history.replaceState(null, '', hash === '' ? '#' : hash);
}

document.body.append(h('div', { id: 'app' }));
start(readPageData(document));
