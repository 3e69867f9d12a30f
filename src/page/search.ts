import { h } from './dom.ts';

export interface SearchBox {
  readonly element: HTMLElement;
  focus(): void;
  /** `place`: the number of the selected match, from 1; 0 if none is selected. */
  show(text: string, count: number, place: number): void;
}

/** Creates a search field with the number of matches, and buttons for the next and the previous one. */
export function searchBox(handlers: {
  onInput(text: string): void;
  /** `step`: 1 for the next match, -1 for the previous one. */
  onStep(step: 1 | -1): void;
}): SearchBox {
  const input = h('input', {
    type: 'search',
    placeholder: 'Search  /',
    'aria-label': 'Search tasks',
    oninput: () => handlers.onInput(input.value),
    onkeydown: (event: KeyboardEvent) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      handlers.onStep(event.shiftKey ? -1 : 1);
    },
  });
  const count = h('span', { class: 'count muted', role: 'status' });
  const button = (label: string, text: string, step: 1 | -1): HTMLButtonElement =>
    h(
      'button',
      { type: 'button', 'aria-label': label, title: label, onclick: () => handlers.onStep(step) },
      text,
    );
  const buttons = [button('Previous match (Shift+Enter)', '↑', -1), button('Next match (Enter)', '↓', 1)];
  return {
    element: h('div', { class: 'search', role: 'search' }, input, count, ...buttons),
    focus: () => {
      input.focus();
      input.select();
    },
    show(text, number, place) {
      if (input.value !== text) input.value = text;
      const found = number === 0 ? 'no matches' : place === 0 ? `${number} found` : `${place} of ${number}`;
      const shown = text === '' ? '' : found;
      if (count.textContent !== shown) count.textContent = shown;
      for (const each of buttons) each.disabled = text === '' || number === 0;
    },
  };
}
