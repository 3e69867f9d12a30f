type Child = Node | string | undefined | false;
type Props = Readonly<Record<string, string | boolean | number | ((event: never) => void) | undefined>>;

/**
 * Creates an element. Properties are attributes, or event listeners if they are functions (`onclick`). Undefined and false
 * properties and children are left out. Strings are added as text, never as HTML.
 */
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

/** Parses an SVG element. The text must be escaped already. */
export function parseSvg(text: string): SVGElement {
  const template = document.createElement('template');
  template.innerHTML = text;
  return template.content.firstElementChild as SVGElement;
}
