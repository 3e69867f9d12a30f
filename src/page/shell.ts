import type { PageData } from '../draw/page-data.ts';
import { h } from './dom.ts';
import type { ViewState } from './page-model.ts';

export type ViewName = 'graph' | 'matrix' | 'timeline';

export interface ShellHandlers {
  change(next: Partial<ViewState>): void;
  onView(): void;
  onFull(full: boolean): void;
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
  view(): ViewName;
  setView(view: ViewName): void;
  show(viewState: ViewState): void;
}

const help: readonly (readonly [string, string])[] = [
  ['drag, wheel', 'move, zoom'],
  ['/', 'search; Enter selects the next match'],
  ['n', 'next task that matches search and filters'],
  ['← →', 'previous, next task'],
  ['↑ ↓', 'dependent, need'],
  ['Enter', 'select or deselect'],
  ['b', 'what if I bump this?'],
  ['c', 'show the critical path'],
  ['g m t', 'graph, matrix, timeline'],
  ['f + −', 'fit, zoom in, zoom out'],
  ['Esc', 'reset'],
];

/** Builds the frame of the page: search, filters, tabs, views, and the sidebar for details. */
export function makeShell(data: PageData, handlers: ShellHandlers): Shell {
  const { change, onView, onFull, onKey, viewState } = handlers;
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
  const search = h('input', {
    type: 'search',
    placeholder: 'Search  /',
    'aria-label': 'Search tasks',
    oninput: () => change({ search: search.value }),
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === 'Enter') onKey('n');
    },
  });
  const versions = [...new Set(data.tasks.map(({ version }) => version))];
  const version = h(
    'select',
    { 'aria-label': 'Version', onchange: () => change({ version: version.value }) },
    h('option', { value: '' }, 'all versions'),
    ...versions.map((each) => h('option', { value: each }, each)),
  );
  const path = toggle('Critical path', () => change({ isPathShown: !viewState().isPathShown }));
  const full = toggle('Expand versions', () => {
    const isFull = full.getAttribute('aria-pressed') !== 'true';
    full.setAttribute('aria-pressed', String(isFull));
    onFull(isFull);
  });
  const dialog = h(
    'dialog',
    { 'aria-label': 'Keyboard shortcuts' },
    h('dl', {}, ...help.flatMap(([keys, what]) => [h('dt', {}, keys), h('dd', {}, what)])),
    h('form', { method: 'dialog' }, h('button', {}, 'Close')),
  );
  const zoom = h(
    'div',
    { class: 'zoom' },
    ...(
      [
        ['+', 'Zoom in'],
        ['-', 'Zoom out'],
        ['f', 'Fit'],
      ] as const
    ).map(([key, label]) =>
      h(
        'button',
        { type: 'button', 'aria-label': label, title: label, onclick: () => onKey(key) },
        { '+': '+', '-': '−', f: '⤢' }[key],
      ),
    ),
  );
  const states = h('div', { class: 'states', role: 'group', 'aria-label': 'States' });
  const banner = h('p', { class: 'banner', role: 'status' });
  const side = h('aside', { hidden: true });
  const live = h('span', { class: 'live muted', role: 'status' });

  function setView(next: ViewName): void {
    view = next;
    for (const name of names) views[name].hidden = name !== view;
    for (const [index, tab] of tabs.entries())
      tab.setAttribute('aria-pressed', String(names[index] === view));
    zoom.hidden = view !== 'graph';
    onView();
  }

  document
    .getElementById('app')!
    .replaceChildren(
      h(
        'header',
        {},
        h('h1', {}, data.title),
        h('nav', { 'aria-label': 'Views' }, ...tabs),
        search,
        version,
        path,
        full,
        h(
          'button',
          { type: 'button', 'aria-label': 'Keyboard shortcuts', onclick: () => dialog.showModal() },
          '?',
        ),
        live,
        states,
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
    view: () => view,
    setView,
    show(now) {
      if (search.value !== now.search) search.value = now.search;
      if (version.value !== now.version) version.value = now.version;
      path.setAttribute('aria-pressed', String(now.isPathShown));
      banner.hidden = banner.textContent === '';
    },
  };
}

function toggle(text: string, onclick: () => void): HTMLButtonElement {
  return h('button', { type: 'button', 'aria-pressed': 'false', onclick }, text);
}

function title(name: ViewName): string {
  return name[0]!.toUpperCase() + name.slice(1);
}
