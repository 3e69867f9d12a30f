type Child = Node | string | undefined | false;
type Props = Readonly<Record<string, string | boolean | number | ((event: never) => void) | undefined>>;

/** An element: attributes by name, `on…` as listeners; what is undefined or false is left out. Text is text. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/** An SVG from text that is escaped already. */
export function parseSvg(text: string): SVGElement {
  const template = document.createElement('template');
  template.innerHTML = text;
  return template.content.firstElementChild as SVGElement;
}
