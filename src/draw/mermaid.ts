import { quoteMermaid } from './escape.ts';
import { type Picture, type PictureTask, tasksByName } from './picture.ts';
import { countStates, STATE_STYLES, type State } from './state.ts';
import { stateColors } from './theme.ts';

/** What stands out beside its colours. */
const borders: Readonly<Partial<Record<State, string>>> = {
  failed: ',stroke-width:3px',
  blocked: ',stroke-width:3px',
  todo: ',stroke-width:2px',
  skip: ',stroke-dasharray:3 2',
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
  const groups = [...tasksByName(picture)].flatMap(([name, tasks], index) => [
    `  subgraph g${index} [${quoteMermaid(name)}]`,
    ...tasks.map((task) => {
      const [open, close] = brackets[task.kind];
      const text = quoteMermaid(`${STATE_STYLES[task.state].symbol} ${task.version}`);
      return `    ${nodes.get(task.id)}${open}${text}${close}:::${task.state}`;
    }),
    '  end',
  ]);
  const edges = picture.tasks.flatMap(({ id, needs, after }) => [
    ...needs.map((to) => `  ${nodes.get(id)} --> ${nodes.get(to)}`),
    ...after.map((to) => `  ${nodes.get(id)} -.-> ${nodes.get(to)}`),
  ]);
  const states = countStates(picture.tasks.map(({ state }) => state));
  const classes = states.flatMap(([state, count]) => {
    const { ink, ground } = stateColors(state);
    const look = `fill:${ground},stroke:${ink},color:${ink}${borders[state] ?? ''}`;
    return [`  %% ${count} ${STATE_STYLES[state].label}`, `  classDef ${state} ${look}`];
  });
  const names = Array.from({ length: tasksByName(picture).size }, (_, index) => `g${index}`);
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
