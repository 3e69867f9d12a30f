import { quoteDot } from './escape.ts';
import { type Picture, type PictureTask, tasksByName } from './picture.ts';
import { STATE_STYLES } from './state.ts';
import { stateColors } from './theme.ts';

const shapes: Readonly<Record<PictureTask['kind'], string>> = {
  image: 'box',
  internal: 'box',
  files: 'folder',
  command: 'cds',
};

/** Formats a picture in the DOT language of Graphviz: a cluster per image, a node per version, and arrows to needs. */
export function dotText(picture: Picture): string {
  const clusters = [...tasksByName(picture)].flatMap(([name, tasks], index) => [
    `  subgraph cluster_${index} {`,
    `    label=${quoteDot(name)};`,
    ...tasks.map((task) => `    ${quoteDot(task.id)} [${attributes(task)}];`),
    '  }',
  ]);
  const edges = picture.tasks.flatMap(({ id, needs, after }) => [
    ...needs.map((to) => `  ${quoteDot(id)} -> ${quoteDot(to)};`),
    ...after.map((to) => `  ${quoteDot(id)} -> ${quoteDot(to)} [style=dashed, constraint=false];`),
  ]);
  return [
    'digraph tasks {',
    '  node [fontname="monospace", fontsize=11, style=filled, color="#8c96a1"];',
    '  edge [color="#8c96a1", arrowsize=0.7];',
    '  graph [fontname="monospace", fontsize=12, style=rounded, color="#c4ccd5"];',
    ...clusters,
    ...edges,
    '}',
    '',
  ].join('\n');
}

function attributes({ version, kind, state, reasons }: PictureTask): string {
  const { symbol, label } = STATE_STYLES[state];
  const style = kind === 'internal' ? ', style="filled,dashed"' : '';
  const tooltip = [label, ...reasons.map(({ detail }) => detail)].join('\n');
  return `label=${quoteDot(`${symbol} ${version}`)}, shape=${shapes[kind]}${style}, fillcolor="${stateColors(state).background}", tooltip=${quoteDot(tooltip)}`;
}
