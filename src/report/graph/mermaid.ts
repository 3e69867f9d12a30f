import { quoteMermaid } from './escape.ts';
import { type Picture, type PictureTask, versionsByName } from './picture.ts';
import { countStates, LOOKS, type State } from './state.ts';

/** Fill, border and text; they stand on light and dark pages. */
const looks: Readonly<Record<State, string>> = {
  failed: 'fill:#ffe3e8,stroke:#b3093c,color:#7d062a,stroke-width:2px',
  blocked: 'fill:#efe7fb,stroke:#5e3b9e,color:#3f2670,stroke-width:2px',
  running: 'fill:#d8ebff,stroke:#0550ae,color:#033d8b',
  waiting: 'fill:#e9edf1,stroke:#59636e,color:#1f2328',
  todo: 'fill:#ffe8cc,stroke:#8a4600,color:#5c2e00,stroke-width:2px',
  made: 'fill:#c6f0dc,stroke:#05603f,color:#05603f',
  here: 'fill:#e6f5ee,stroke:#116149,color:#0b4a37',
  skip: 'fill:#eef1f4,stroke:#8c96a1,color:#4a535c,stroke-dasharray:3 2',
  cancelled: 'fill:#e9edf1,stroke:#59636e,color:#1f2328',
};

const brackets: Readonly<Record<PictureTask['kind'], readonly [string, string]>> = {
  image: ['[', ']'],
  internal: ['(', ')'],
  files: ['[(', ')]'],
  command: ['[[', ']]'],
};

/** More of them, and GitHub shows an error instead of a drawing: the defaults of Mermaid's maxEdges and maxTextSize. */
const GITHUB_LIMITS = { edges: 500, characters: 50_000 } as const;

/** A picture in the language of Mermaid: a group for each image, a node for each version, arrows to what is needed. */
export function mermaidText(picture: Picture): string {
  const nodes = new Map(picture.tasks.map(({ id }, index) => [id, `t${index}`]));
  const groups = [...versionsByName(picture)].flatMap(([name, tasks], index) => [
    `  subgraph g${index} [${quoteMermaid(name)}]`,
    ...tasks.map((task) => {
      const [open, close] = brackets[task.kind];
      const text = quoteMermaid(`${LOOKS[task.state].symbol} ${task.version}`);
      return `    ${nodes.get(task.id)}${open}${text}${close}:::${task.state}`;
    }),
    '  end',
  ]);
  const edges = picture.tasks.flatMap(({ id, needs, after }) => [
    ...needs.map((to) => `  ${nodes.get(id)} --> ${nodes.get(to)}`),
    ...after.map((to) => `  ${nodes.get(id)} -.-> ${nodes.get(to)}`),
  ]);
  const states = countStates(picture.tasks.map(({ state }) => state));
  const classes = states.flatMap(([state, count]) => [
    `  %% ${count} ${LOOKS[state].words}`,
    `  classDef ${state} ${looks[state]}`,
  ]);
  const names = Array.from({ length: versionsByName(picture).size }, (_, index) => `g${index}`);
  const grouped =
    names.length === 0
      ? []
      : ['  classDef image fill:transparent,stroke:#8c96a1', `  class ${names.join()} image`];
  return ['flowchart TD', ...groups, ...edges, ...classes, ...grouped, ''].join('\n');
}

/** Whether GitHub would draw it. */
export function fitsGithub(text: string): boolean {
  return (
    text.length <= GITHUB_LIMITS.characters && (text.match(/ -\.?->? /g) ?? []).length <= GITHUB_LIMITS.edges
  );
}
