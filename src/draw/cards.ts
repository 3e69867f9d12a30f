import type { Picture, PictureKind, PictureTask } from './picture.ts';

/** A box in the drawing: all versions of an image, or a single task. */
export interface Card {
  /** The name of the image, or the ID of the task. */
  readonly id: string;
  readonly kind: PictureKind;
  readonly tasks: readonly PictureTask[];
  /** Cards that its tasks need or run after. These links have no cycles. */
  readonly needs: readonly string[];
  readonly after: readonly string[];
}

/**
 * Groups tasks into a card per image, in the picture's order. Images whose versions need one another, so that their cards would
 * form a cycle (`step:2` needs `step:1`), have a card per task. So have all images if `full` is set.
 */
export function makeCards({ tasks }: Picture, full: boolean): Card[] {
  if (full) return groupBy(tasks, ({ id }) => id);
  const byName = groupBy(tasks, ({ name }) => name);
  const cyclic = findCyclic(byName);
  return cyclic.size === 0 ? byName : groupBy(tasks, ({ id, name }) => (cyclic.has(name) ? id : name));
}

function groupBy(tasks: readonly PictureTask[], cardOf: (task: PictureTask) => string): Card[] {
  const ids = new Map(tasks.map((task) => [task.id, cardOf(task)]));
  const groups = new Map<string, PictureTask[]>();
  for (const task of tasks) {
    const group = groups.get(cardOf(task));
    if (group === undefined) groups.set(cardOf(task), [task]);
    else group.push(task);
  }
  const cardsOf = (list: readonly string[]): string[] => [...new Set(list.map((id) => ids.get(id)!))];
  return [...groups].map(([id, group]) => {
    const needs = cardsOf(group.flatMap((task) => task.needs));
    const after = cardsOf(group.flatMap((task) => task.after)).filter((other) => !needs.includes(other));
    return { id, kind: group[0]!.kind, tasks: group, needs, after };
  });
}

/** Returns the IDs of cards on cycles or between them: it repeatedly removes cards that have links in only one direction. */
function findCyclic(cards: readonly Card[]): Set<string> {
  const left = new Map(cards.map((card) => [card.id, new Set([...card.needs, ...card.after])]));
  const removeLeaves = (links: Map<string, Set<string>>): void => {
    const free = [...links].filter(([, others]) => others.size === 0).map(([id]) => id);
    const backwards = reversed(links);
    for (const id of free) {
      links.delete(id);
      for (const other of backwards.get(id) ?? []) {
        const others = links.get(other);
        others?.delete(id);
        if (others?.size === 0) free.push(other);
      }
    }
  };
  removeLeaves(left);
  const backwards = reversed(left);
  const upwards = new Map([...left.keys()].map((id) => [id, backwards.get(id) ?? new Set<string>()]));
  removeLeaves(upwards);
  return new Set(upwards.keys());
}

function reversed(edges: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const result = new Map<string, Set<string>>();
  for (const [from, others] of edges)
    for (const to of others) {
      const sources = result.get(to);
      if (sources === undefined) result.set(to, new Set([from]));
      else sources.add(from);
    }
  return result;
}
