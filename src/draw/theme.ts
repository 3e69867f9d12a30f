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
  readonly states: Readonly<Record<State, readonly [text: string, background: string]>>;
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
    failed: ['#b3093c', '#ffe3e8'],
    blocked: ['#5e3b9e', '#efe7fb'],
    running: ['#0550ae', '#d8ebff'],
    waiting: ['#59636e', '#e9edf1'],
    todo: ['#8a4600', '#ffe8cc'],
    done: ['#05603f', '#c6f0dc'],
    current: ['#116149', '#e6f5ee'],
    skipped: ['#59636e', '#eef1f4'],
    cancelled: ['#59636e', '#e9edf1'],
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
    failed: ['#ff9aac', '#4a1522'],
    blocked: ['#cdb4ff', '#33254f'],
    running: ['#90c7ff', '#10335c'],
    waiting: ['#a9b3bd', '#252c35'],
    todo: ['#ffc078', '#47300f'],
    done: ['#8ff0c6', '#0f4d38'],
    current: ['#7fd9b5', '#143227'],
    skipped: ['#9aa4af', '#20262e'],
    cancelled: ['#a9b3bd', '#252c35'],
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
      ]),
    ].join(';');
  const states = STATES.map(
    (state) =>
      `button.s-${state},p.s-${state}{color:var(--${state}-text)}button.s-${state}{background:var(--${state}-background)}`,
  ).join('');
  return `:root{${variables(light)};color-scheme:light dark}@media (prefers-color-scheme:dark){:root{${variables(dark)}}}${states}`;
}
