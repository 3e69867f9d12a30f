/** Replaces the content of the sidebar. For the same task, scroll position, open sections and keyboard focus are kept. */
export function showInSidebar(side: HTMLElement, next: HTMLElement | undefined): void {
  const before = side.firstElementChild;
  side.hidden = next === undefined;
  if (next === undefined) {
    side.replaceChildren();
    return;
  }
  const isSame = before?.getAttribute('aria-label') === next.getAttribute('aria-label');
  const { scrollTop } = side;
  const wasOpen = isSame ? [...side.querySelectorAll('details')].map(({ open }) => open) : [];
  const focusPath = isSame ? pathTo(document.activeElement, side) : undefined;
  next.querySelectorAll('details').forEach((each, index) => {
    each.open = wasOpen[index] ?? false;
  });
  side.replaceChildren(next);
  side.scrollTop = isSame ? scrollTop : 0;
  if (focusPath !== undefined) elementAt(side, focusPath)?.focus({ preventScroll: true });
  const log = side.querySelector('.log');
  if (log !== null) log.scrollTop = log.scrollHeight;
}

/** Returns the child indexes that lead from a root to an element, or undefined if it is elsewhere. */
function pathTo(element: Element | null, root: Element): number[] | undefined {
  const path: number[] = [];
  for (let here = element; here !== root; here = here.parentElement) {
    if (here?.parentElement == null) return undefined;
    path.unshift([...here.parentElement.children].indexOf(here));
  }
  return path;
}

function elementAt(root: Element, path: readonly number[]): HTMLElement | undefined {
  return path.reduce<Element | undefined>((here, index) => here?.children[index], root) as
    | HTMLElement
    | undefined;
}
