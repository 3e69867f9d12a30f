/**
 * A text with its variables replaced: `$X`, `${X}`, `${X:-default}`, `${X:+alternative}`; quotes are taken off.
 * Undefined where it holds anything else, or a variable that has no value.
 */
export function expand(text: string, variables: ReadonlyMap<string, string>): string | undefined {
  let isKnown = true;
  const value = text.replace(
    /\$(?:(\w+)|\{(\w+)(?:(:[-+])([^${}]*))?\})/g,
    (_, plain: string, braced: string, operator: string, word: string) => {
      const current = variables.get(plain ?? braced);
      if (operator === ':+') return current ? word : '';
      if (operator === ':-') return current || word;
      if (current === undefined) isKnown = false;
      return current ?? '';
    },
  );
  if (!isKnown || /[$\\`]/.test(value)) return undefined;
  return value.replace(/^(["'])(.*)\1$/, '$2');
}
