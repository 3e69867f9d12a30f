import { quoteMermaid } from './escape.ts';
import { type Picture, type PictureTask, tasksByName } from './picture.ts';
import { countStates, STATE_STYLES, type State } from './state.ts';
import { stateColors } from './theme.ts';

/** Border styles that tell states apart without color. */
const borders: Readonly<Partial<Record<State, string>>> = {
  failed: ',stroke-width:3px',
  blocked: ',stroke-width:3px',
  todo: ',stroke-width:2px',
  skipped: ',stroke-dasharray:3 2',
};

const brackets: Readonly<Record<PictureTask['kind'], readonly [string, string]>> = {
  image: ['[', ']'],
  internal: ['(', ')'],
  files: ['[(', ')]'],
  command: ['[[', ']]'],
};

/** Above these, GitHub shows an error instead of a drawing (Mermaid's defaults for maxEdges and maxTextSize). */
const GITHUB_LIMITS = { edges: 500, characters: 50_000 } as const;

/** Formats a picture as a Mermaid flowchart: a group per image, a node per version, and arrows to needs. */
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
    const { text, background } = stateColors(state);
    const style = `fill:${background},stroke:${text},color:${text}${borders[state] ?? ''}`;
    return [`  %% ${count} ${STATE_STYLES[state].label}`, `  classDef ${state} ${style}`];
  });
  const groupIds = Array.from({ length: tasksByName(picture).size }, (_, index) => `g${index}`);
  const groupClass =
    groupIds.length === 0
      ? []
      : ['  classDef image fill:transparent,stroke:#8c96a1', `  class ${groupIds.join()} image`];
  return ['flowchart TD', ...groups, ...edges, ...classes, ...groupClass, ''].join('\n');
}

/** Returns true if a flowchart is small enough for GitHub to draw. */
export function fitsGithub(text: string): boolean {
  return (
    text.length <= GITHUB_LIMITS.characters && (text.match(/ -\.?->? /g) ?? []).length <= GITHUB_LIMITS.edges
  );
}
