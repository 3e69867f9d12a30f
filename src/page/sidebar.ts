/** Shows details in place of others. Of the same task they keep where they were scrolled to, what was opened, and the keyboard. */
export function showInSidebar(side: HTMLElement, next: HTMLElement | undefined): void {
  const before = side.firstElementChild;
  side.hidden = next === undefined;
  if (next === undefined) {
    side.replaceChildren();
    return;
  }
  const isSame = before?.getAttribute('aria-label') === next.getAttribute('aria-label');
  const { scrollTop } = side;
  const opened = isSame ? [...side.querySelectorAll('details')].map(({ open }) => open) : [];
  const focused = isSame ? placeOf(document.activeElement, side) : undefined;
  next.querySelectorAll('details').forEach((each, index) => {
    each.open = opened[index] ?? false;
  });
  side.replaceChildren(next);
  side.scrollTop = isSame ? scrollTop : 0;
  if (focused !== undefined) at(side, focused)?.focus({ preventScroll: true });
  const log = side.querySelector('.log');
  if (log !== null) log.scrollTop = log.scrollHeight;
}

/** Which child of which child an element is; undefined for one that stands elsewhere. */
function placeOf(element: Element | null, root: Element): number[] | undefined {
  const path: number[] = [];
  for (let here = element; here !== root; here = here.parentElement) {
    if (here?.parentElement == null) return undefined;
    path.unshift([...here.parentElement.children].indexOf(here));
  }
  return path;
}

function at(root: Element, path: readonly number[]): HTMLElement | undefined {
  return path.reduce<Element | undefined>((here, index) => here?.children[index], root) as
    | HTMLElement
    | undefined;
}
