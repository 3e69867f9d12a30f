/** One step of an expression: a character that it takes, or a place that it asks about (`\b`, `^`, `$`) and takes nothing. */
export type Atom =
  | { readonly takes: (char: string) => boolean }
  | { readonly holds: (before: string | undefined, behind: string | undefined) => boolean };

/** Atoms one after another; each may be left out or come again, or is a sequence of its own that may be left out. */
export type Part =
  | { readonly atom: Atom; readonly often: 'once' | 'maybe' | 'any' }
  | { readonly maybe: readonly Part[] };

/** A state, and where to go from it; without an atom it is left at once. */
interface State {
  readonly atom?: Atom;
  readonly next: readonly number[];
}

/**
 * Says whether an expression matches a whole text. It follows all ways through the expression at once (Thompson's
 * construction), so its time is the product of the two lengths at most, whatever the expression.
 */
export function compileAutomaton(parts: readonly Part[]): (text: string) => boolean {
  const states: State[] = [];
  append(parts, states);
  return (text) => run(states, [...text]);
}

/** Adds the states of parts; the state behind the last one is where they end. */
function append(parts: readonly Part[], states: State[]): void {
  for (const part of parts) {
    if ('maybe' in part) {
      const start = states.length;
      states.push({ next: [] });
      append(part.maybe, states);
      states[start] = { next: [start + 1, states.length] };
    } else if (part.often === 'once') states.push({ atom: part.atom, next: [states.length + 1] });
    else {
      const fork = states.length;
      states.push({ next: [fork + 1, fork + 2] });
      states.push({ atom: part.atom, next: [part.often === 'any' ? fork : fork + 2] });
    }
  }
}

function run(states: readonly State[], chars: readonly string[]): boolean {
  // When a state was last entered: at which character.
  const entered = new Int32Array(states.length + 1).fill(-1);
  let current: number[] = [];
  const enter = (first: number, at: number): void => {
    const pending = [first];
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      if (entered[index] === at) continue;
      entered[index] = at;
      const state = states[index];
      const atom = state?.atom;
      if (atom !== undefined && 'takes' in atom) current.push(index);
      else if (state !== undefined && (atom === undefined || atom.holds(chars[at - 1], chars[at])))
        pending.push(...state.next);
    }
  };
  enter(0, 0);
  for (let at = 0; at < chars.length && current.length > 0; at++) {
    const before = current;
    current = [];
    for (const index of before) {
      const { atom, next } = states[index]!;
      if ((atom as { takes: (char: string) => boolean }).takes(chars[at]!))
        for (const each of next) enter(each, at + 1);
    }
  }
  return entered[states.length] === chars.length;
}
