import { STATES, type State } from './state.ts';

/** Colours of one theme; each text stands on its ground with a contrast of at least 4.5. */
interface Theme {
  readonly ground: string;
  readonly ink: string;
  readonly muted: string;
  readonly card: string;
  readonly border: string;
  readonly line: string;
  readonly accent: string;
  /** Ink and ground. */
  readonly states: Readonly<Record<State, readonly [ink: string, ground: string]>>;
}

const light: Theme = {
  ground: '#ffffff',
  ink: '#1f2328',
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
    made: ['#05603f', '#c6f0dc'],
    here: ['#116149', '#e6f5ee'],
    skip: ['#59636e', '#eef1f4'],
    cancelled: ['#59636e', '#e9edf1'],
  },
};

const dark: Theme = {
  ground: '#0d1117',
  ink: '#e6edf3',
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
    made: ['#8ff0c6', '#0f4d38'],
    here: ['#7fd9b5', '#143227'],
    skip: ['#9aa4af', '#20262e'],
    cancelled: ['#a9b3bd', '#252c35'],
  },
};

/** A state's colours where only one theme can be had: they stand on light and dark grounds. */
export function stateColors(state: State): { readonly ink: string; readonly ground: string } {
  const [ink, ground] = light.states[state];
  return { ink, ground };
}

/** The monospace fonts that systems bring along. */
const FONTS = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace';

/**
 * The style of a drawing, for both themes. `var()` is not used: programs that draw SVG outside of a browser do not know it.
 */
export function drawingCss(): string {
  const base = [
    `.tasks-graph text{font-family:${FONTS}}`,
    '.title{font-size:13px;font-weight:600}',
    '.small{font-size:10px}',
    '.chip text,.legend text{font-size:11px}',
    '.link{fill:none;stroke-width:1.25}',
    '.after{stroke-dasharray:4 3}',
    '.card>rect{stroke-width:1}',
    '.internal>rect,.files>rect,.command>rect{stroke-dasharray:4 2}',
    '.stroke{fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}',
  ];
  return `${base.join('')}${colours(light)}@media (prefers-color-scheme:dark){${colours(dark)}}`;
}

function colours(theme: Theme): string {
  const states = STATES.map((state) => {
    const [ink, ground] = theme.states[state];
    return `.s-${state} text,.s-${state} .fill{fill:${ink}}.s-${state} .stroke{stroke:${ink}}.s-${state}>rect{fill:${ground}}`;
  });
  return [
    `.ground{fill:${theme.ground}}`,
    `.tasks-graph text{fill:${theme.ink}}`,
    `.tasks-graph .small{fill:${theme.muted}}`,
    `.card>rect{fill:${theme.card};stroke:${theme.border}}`,
    `.link{stroke:${theme.line}}.head{fill:${theme.line}}`,
    ...states,
  ].join('');
}

/** The same colours as variables, for a page around a drawing. */
export function pageColorsCss(): string {
  const variables = (theme: Theme): string =>
    [
      ...(['ground', 'ink', 'muted', 'card', 'border', 'line', 'accent'] as const).map(
        (name) => `--${name}:${theme[name]}`,
      ),
      ...STATES.flatMap((state) => [
        `--${state}-ink:${theme.states[state][0]}`,
        `--${state}-ground:${theme.states[state][1]}`,
      ]),
    ].join(';');
  const states = STATES.map(
    (state) =>
      `button.s-${state},p.s-${state}{color:var(--${state}-ink)}button.s-${state}{background:var(--${state}-ground)}`,
  ).join('');
  return `:root{${variables(light)};color-scheme:light dark}@media (prefers-color-scheme:dark){:root{${variables(dark)}}}${states}`;
}
