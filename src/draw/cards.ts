import type { Picture, PictureKind, PictureTask } from './picture.ts';

/** What is drawn as one box: the versions of an image, or a single task. */
export interface Card {
  /** An image's name, or a task's id. */
  readonly id: string;
  readonly kind: PictureKind;
  readonly tasks: readonly PictureTask[];
  /** Other cards that its tasks need or run after; together they never lead back to it. */
  readonly needs: readonly string[];
  readonly after: readonly string[];
}

/**
 * A card for each image with all its versions, in the picture's order. Where the versions of images need one another in a
 * way that leads back (`step:2` needs `step:1`), each task has a card of its own, and so has every task if `full`.
 */
export function makeCards({ tasks }: Picture, full: boolean): Card[] {
  const byName = joinBy(tasks, ({ name }) => name);
  if (full) return joinBy(tasks, ({ id }) => id);
  const circular = leadingBack(byName);
  return circular.size === 0 ? byName : joinBy(tasks, ({ id, name }) => (circular.has(name) ? id : name));
}

function joinBy(tasks: readonly PictureTask[], cardOf: (task: PictureTask) => string): Card[] {
  const ids = new Map(tasks.map((task) => [task.id, cardOf(task)]));
  const groups = new Map<string, PictureTask[]>();
  for (const task of tasks) {
    const group = groups.get(cardOf(task));
    if (group === undefined) groups.set(cardOf(task), [task]);
    else group.push(task);
  }
  const cardsOf = (list: readonly string[]): string[] => [...new Set(list.map((id) => ids.get(id)!))];
  return [...groups].map(([id, own]) => {
    const needs = cardsOf(own.flatMap((task) => task.needs));
    const after = cardsOf(own.flatMap((task) => task.after)).filter((other) => !needs.includes(other));
    return { id, kind: own[0]!.kind, tasks: own, needs, after };
  });
}

/** What is left when cards that lead nowhere, and those that nothing leads to, are taken away again and again. */
function leadingBack(cards: readonly Card[]): Set<string> {
  const left = new Map(cards.map((card) => [card.id, new Set([...card.needs, ...card.after])]));
  const peel = (next: Map<string, Set<string>>): void => {
    const free = [...next].filter(([, others]) => others.size === 0).map(([id]) => id);
    const backwards = reversed(next);
    for (const id of free) {
      next.delete(id);
      for (const other of backwards.get(id) ?? []) {
        const others = next.get(other);
        others?.delete(id);
        if (others?.size === 0) free.push(other);
      }
    }
  };
  peel(left);
  const upwards = new Map([...left.keys()].map((id) => [id, reversed(left).get(id) ?? new Set<string>()]));
  peel(upwards);
  return new Set(upwards.keys());
}

function reversed(edges: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const back = new Map<string, Set<string>>();
  for (const [from, others] of edges)
    for (const to of others) {
      const list = back.get(to);
      if (list === undefined) back.set(to, new Set([from]));
      else list.add(from);
    }
  return back;
}
