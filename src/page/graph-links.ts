import type { Drawing } from '../draw/drawing.ts';
import { arrowhead, linePath } from '../draw/svg.ts';
import type { TaskId } from '../model/task.ts';

/** Renders the lines between cards that contain a highlighted need. */
export function highlightedLines(
  { cards, links }: Drawing,
  isHighlighted: (task: TaskId, need: TaskId) => boolean,
): string {
  const tasksOf = new Map(cards.map(({ card }) => [card.id, card.tasks]));
  return links
    .filter(({ from, to }) => {
      const targets = new Set(tasksOf.get(to)!.map(({ id }) => id));
      return tasksOf
        .get(from)!
        .some(({ id, needs }) => needs.some((need) => targets.has(need) && isHighlighted(id, need)));
    })
    .map(({ line }) => `<path class="link highlighted" d="${linePath(line)}"/>${arrowhead(line.at(-1)!)}`)
    .join('');
}

/** Returns the card that an arrow key moves to: the previous or next card, the first dependent, or the first need. */
export function neighborOfCard({ cards, links }: Drawing, id: string, key: string): string | undefined {
  const at = cards.findIndex(({ card }) => card.id === id);
  if (key === 'ArrowLeft') return cards[at - 1]?.card.id;
  if (key === 'ArrowRight') return cards[at + 1]?.card.id;
  if (key === 'ArrowDown') return links.find(({ from }) => from === id)?.to;
  return key === 'ArrowUp' ? links.find(({ to }) => to === id)?.from : undefined;
}
