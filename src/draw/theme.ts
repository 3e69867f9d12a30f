import { STATES, type State } from './state.ts';

/** The colors of a theme. All text has a contrast of at least 4.5 to its background. */
interface Theme {
  readonly background: string;
  readonly text: string;
  readonly muted: string;
  readonly card: string;
  readonly border: string;
  readonly line: string;
  readonly accent: string;
  /** `solid`: for areas without text or icon; neighbors in a row differ in lightness, too. */
  readonly states: Readonly<Record<State, readonly [text: string, background: string, solid: string]>>;
}

const light: Theme = {
  background: '#ffffff',
  text: '#1f2328',
  muted: '#59636e',
  card: '#f6f8fa',
  border: '#c4ccd5',
  line: '#8c96a1',
  accent: '#0969da',
  states: {
    failed: ['#b3093c', '#ffe3e8', '#d1244f'],
    blocked: ['#5e3b9e', '#efe7fb', '#7c52c8'],
    running: ['#05606b', '#cdf1f4', '#0a8f9c'],
    waiting: ['#59636e', '#e9edf1', '#b3bcc6'],
    todo: ['#8a4600', '#ffe8cc', '#e38d1b'],
    done: ['#05603f', '#c6f0dc', '#1f8f5f'],
    current: ['#116149', '#e6f5ee', '#9ad7ba'],
    skipped: ['#59636e', '#eef1f4', '#dbe0e5'],
    cancelled: ['#59636e', '#e9edf1', '#8c96a1'],
  },
};

const dark: Theme = {
  background: '#0d1117',
  text: '#e6edf3',
  muted: '#9aa4af',
  card: '#161b22',
  border: '#3d444d',
  line: '#6e7681',
  accent: '#58a6ff',
  states: {
    failed: ['#ff9aac', '#4a1522', '#e5486d'],
    blocked: ['#cdb4ff', '#33254f', '#9a74e0'],
    running: ['#7fe0ea', '#0c4248', '#22b8c6'],
    waiting: ['#a9b3bd', '#252c35', '#59636e'],
    todo: ['#ffc078', '#47300f', '#d98a1f'],
    done: ['#8ff0c6', '#0f4d38', '#2fb37a'],
    current: ['#7fd9b5', '#143227', '#245f47'],
    skipped: ['#9aa4af', '#20262e', '#2d343c'],
    cancelled: ['#a9b3bd', '#252c35', '#7d8792'],
  },
};

/** Returns the colors of a state for formats that have only one theme. */
export function stateColors(state: State): { readonly text: string; readonly background: string } {
  const [text, background] = light.states[state];
  return { text, background };
}

/** Monospace fonts of common systems. */
const FONTS = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace';

/** Returns the CSS of a drawing, for both themes. It avoids `var()`, which only browsers support. */
export function drawingCss(): string {
  const base = [
    `.tasks-graph text{font-family:${FONTS}}`,
    '.title{font-size:13px;font-weight:600}',
    '.small{font-size:11px}',
    '.chip text,.legend text{font-size:11px}',
    '.link{fill:none;stroke-width:1.25}',
    '.after{stroke-dasharray:4 3}',
    '.card>rect{stroke-width:1}',
    '.internal>rect,.files>rect,.command>rect{stroke-dasharray:4 2}',
    '.stroke{fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}',
  ];
  return `${base.join('')}${colorRules(light)}@media (prefers-color-scheme:dark){${colorRules(dark)}}`;
}

function colorRules(theme: Theme): string {
  const states = STATES.map((state) => {
    const [text, background] = theme.states[state];
    return `.s-${state} text,.s-${state} .fill{fill:${text}}.s-${state} .stroke{stroke:${text}}.s-${state}>rect{fill:${background}}`;
  });
  return [
    `.background{fill:${theme.background}}`,
    `.tasks-graph text{fill:${theme.text}}`,
    `.tasks-graph .small{fill:${theme.muted}}`,
    `.card>rect{fill:${theme.card};stroke:${theme.border}}`,
    `.link{stroke:${theme.line}}.head{fill:${theme.line}}`,
    ...states,
  ].join('');
}

/** Returns CSS with the colors as variables, for the HTML page around a drawing. */
export function pageColorsCss(): string {
  const variables = (theme: Theme): string =>
    [
      ...(['background', 'text', 'muted', 'card', 'border', 'line', 'accent'] as const).map(
        (name) => `--${name}:${theme[name]}`,
      ),
      ...STATES.flatMap((state) => [
        `--${state}-text:${theme.states[state][0]}`,
        `--${state}-background:${theme.states[state][1]}`,
        `--${state}-solid:${theme.states[state][2]}`,
      ]),
    ].join(';');
  const states = STATES.map(
    (state) =>
      `button.s-${state},p.s-${state}{color:var(--${state}-text)}button.s-${state}{background:var(--${state}-background)}.block.s-${state}{fill:var(--${state}-solid)}.tint.s-${state}{fill:var(--${state}-background)}.tasks-graph text.s-${state}{fill:var(--${state}-text)}`,
  ).join('');
  return `:root{${variables(light)};color-scheme:light dark}@media (prefers-color-scheme:dark){:root{${variables(dark)}}}${states}`;
}
