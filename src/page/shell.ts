import type { PageData } from '../draw/page-data.ts';
import { h } from './dom.ts';
import { type ViewState, versionFilters } from './page-model.ts';
import { type SearchBox, searchBox } from './search.ts';

export type ViewName = 'graph' | 'matrix' | 'timeline';

export interface ShellHandlers {
  change(next: Partial<ViewState>): void;
  onView(): void;
  onExpand(expanded: boolean): void;
  /** Selects the next match of the search, or with -1 the previous one. */
  onStep(step: 1 | -1): void;
  /** Returns true if the key has a function. */
  onKey(key: string): boolean;
  viewState(): ViewState;
}

/** The frame of the page, with the elements that other modules fill. */
export interface Shell {
  readonly views: Readonly<Record<ViewName, HTMLElement>>;
  readonly states: HTMLElement;
  readonly banner: HTMLElement;
  readonly side: HTMLElement;
  readonly live: HTMLElement;
  readonly search: SearchBox;
  view(): ViewName;
  setView(view: ViewName): void;
  show(viewState: ViewState): void;
}

const help: readonly (readonly [string, string])[] = [
  ['drag, wheel', 'move, zoom; with fingers: drag, pinch'],
  ['f + −', 'fit everything, zoom in, zoom out'],
  ['/', 'search; Enter: next match, Shift+Enter: previous match'],
  ['n N', 'next, previous task that matches search and filters'],
  ['← →', 'previous, next task'],
  ['↑ ↓', 'dependent, need'],
  ['Enter', 'select or deselect; open a folded card'],
  ['o', 'only the selected task with its needs and dependents'],
  ['b', 'what if I bump this?'],
  ['c', 'show the critical path'],
  ['g m t', 'graph, matrix, timeline'],
  ['Esc', 'leave the focus, then reset'],
];

/** Builds the frame of the page: search, filters, tabs, views, and the sidebar for details. */
export function makeShell(data: PageData, handlers: ShellHandlers): Shell {
  const { change, onView, onExpand, onStep, onKey, viewState } = handlers;
  let view: ViewName = 'graph';
  const names: readonly ViewName[] = ['graph', 'matrix', 'timeline'];
  const views = {
    graph: h('div', { class: 'graph', id: 'view-graph' }),
    matrix: h('div', { class: 'matrix', id: 'view-matrix', hidden: true }),
    timeline: h('div', { class: 'timeline', id: 'view-timeline', hidden: true }),
  };
  const tabs = names.map((name) =>
    h(
      'button',
      { type: 'button', 'aria-controls': `view-${name}`, onclick: () => setView(name) },
      title(name),
    ),
  );
  const search = searchBox({ onInput: (text) => change({ search: text }), onStep });
  const version = versionSelect(data, (value) => change({ version: value }));
  const path = toggle('Critical path', () => change({ isPathShown: !viewState().isPathShown }));
  const expand = toggle('Expand versions', () => {
    const isExpanded = expand.getAttribute('aria-pressed') !== 'true';
    expand.setAttribute('aria-pressed', String(isExpanded));
    onExpand(isExpanded);
  });
  const dialog = h(
    'dialog',
    { 'aria-label': 'Keyboard shortcuts' },
    h('dl', {}, ...help.flatMap(([keys, what]) => [h('dt', {}, keys), h('dd', {}, what)])),
    h('form', { method: 'dialog' }, h('button', {}, 'Close')),
  );
  const helpButton = h(
    'button',
    { type: 'button', 'aria-label': 'Keyboard shortcuts', onclick: () => dialog.showModal() },
    '?',
  );
  const zoom = zoomButtons(onKey);
  const states = h('div', { class: 'states', role: 'group', 'aria-label': 'States' });
  const banner = h('p', { class: 'banner', role: 'status' });
  const side = h('aside', { hidden: true });
  const live = h('span', { class: 'live muted', role: 'status' });

  function setView(next: ViewName): void {
    view = next;
    for (const name of names) views[name].hidden = name !== view;
    for (const [index, tab] of tabs.entries())
      tab.setAttribute('aria-pressed', String(names[index] === view));
    document.getElementById('app')!.dataset.view = view;
    onView();
  }

  document.getElementById('app')!.replaceChildren(
    h(
      'header',
      {},
      h('h1', { title: data.title }, data.title),
      h('nav', { 'aria-label': 'Views' }, ...tabs),
      search.element,
      h('div', { class: 'tools' }, version, path, expand, helpButton),
      // Together in one line on phones.
      h('div', { class: 'status' }, live, states),
    ),
    banner,
    h('main', {}, views.graph, views.matrix, views.timeline, zoom),
    side,
    dialog,
  );
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (isTyping && event.key !== 'Escape') return;
    if (event.key === '/') search.focus();
    else if (event.key === '?') dialog.showModal();
    else if (!onKey(event.key)) return;
    event.preventDefault();
  });
  setTimeout(() => setView('graph'));
  return {
    views,
    states,
    banner,
    side,
    live,
    search,
    view: () => view,
    setView,
    show(now) {
      if (version.value !== now.version) version.value = now.version;
      path.setAttribute('aria-pressed', String(now.isPathShown));
      banner.hidden = banner.textContent === '';
    },
  };
}

function zoomButtons(onKey: ShellHandlers['onKey']): HTMLElement {
  const buttons = [
    ['+', 'Zoom in', '+'],
    ['-', 'Zoom out', '−'],
    ['f', 'Fit everything (f)', '⤢'],
  ] as const;
  return h(
    'div',
    { class: 'zoom' },
    ...buttons.map(([key, label, text]) =>
      h('button', { type: 'button', 'aria-label': label, title: label, onclick: () => onKey(key) }, text),
    ),
  );
}

/** Creates the filter by versions, or by the values of axes where versions have several. */
function versionSelect({ tasks }: PageData, onChange: (value: string) => void): HTMLSelectElement {
  const { versions, axes } = versionFilters(tasks);
  const option = (value: string, text: string): HTMLElement => h('option', { value }, text);
  const select = h(
    'select',
    { 'aria-label': 'Version', onchange: () => onChange(select.value) },
    option('', 'all versions'),
    ...[...axes].map(([axis, values]) =>
      h('optgroup', { label: axis }, ...values.map((value) => option(`${axis}=${value}`, value))),
    ),
    ...(axes.size === 0 || versions.length === 0
      ? versions.map((each) => option(each, each))
      : [h('optgroup', { label: 'version' }, ...versions.map((each) => option(each, each)))]),
  );
  return select;
}

function toggle(text: string, onclick: () => void): HTMLButtonElement {
  return h('button', { type: 'button', 'aria-pressed': 'false', onclick }, text);
}

function title(name: ViewName): string {
  return name[0]!.toUpperCase() + name.slice(1);
}
