/** One element of an expression: it consumes one character, or asserts something about a position (`\b`, `^`, `$`). */
export type Atom =
  | { readonly consumes: (char: string) => boolean }
  | { readonly asserts: (before: string | undefined, after: string | undefined) => boolean };

/** An atom with its quantifier, or an optional group. An expression is a list of parts. */
export type Part =
  | { readonly atom: Atom; readonly quantifier: '' | '?' | '*' }
  | { readonly optional: readonly Part[] };

/** A state and the states that follow it. A state without an atom consumes nothing. */
interface State {
  readonly atom?: Atom;
  readonly next: readonly number[];
}

/**
 * Returns a function that tells whether an expression matches a whole text. It follows all paths through the expression at
 * once (Thompson's construction), so its time is bounded by the product of the two lengths for any expression.
 */
export function compileAutomaton(parts: readonly Part[]): (text: string) => boolean {
  const states: State[] = [];
  append(parts, states);
  return (text) => run(states, [...text]);
}

/** Adds the states of `parts`. The index after the last added state is the accepting state. */
function append(parts: readonly Part[], states: State[]): void {
  for (const part of parts) {
    if ('optional' in part) {
      const start = states.length;
      states.push({ next: [] });
      append(part.optional, states);
      states[start] = { next: [start + 1, states.length] };
    } else if (part.quantifier === '') states.push({ atom: part.atom, next: [states.length + 1] });
    else {
      const fork = states.length;
      states.push({ next: [fork + 1, fork + 2] });
      states.push({ atom: part.atom, next: [part.quantifier === '*' ? fork : fork + 2] });
    }
  }
}

function run(states: readonly State[], chars: readonly string[]): boolean {
  // For each state, the position at which it was last entered.
  const entered = new Int32Array(states.length + 1).fill(-1);
  let current: number[] = [];
  const enter = (first: number, position: number): void => {
    const pending = [first];
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      if (entered[index] === position) continue;
      entered[index] = position;
      const state = states[index];
      const atom = state?.atom;
      if (atom !== undefined && 'consumes' in atom) current.push(index);
      else if (
        state !== undefined &&
        (atom === undefined || atom.asserts(chars[position - 1], chars[position]))
      )
        pending.push(...state.next);
    }
  };
  enter(0, 0);
  for (let position = 0; position < chars.length && current.length > 0; position++) {
    const previous = current;
    current = [];
    for (const index of previous) {
      const { atom, next } = states[index]!;
      if ((atom as { consumes: (char: string) => boolean }).consumes(chars[position]!))
        for (const each of next) enter(each, position + 1);
    }
  }
  return entered[states.length] === chars.length;
}
