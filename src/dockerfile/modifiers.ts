/**
 * Returns the operators of the modified variables in a text, such as `#` for `${x#y}` and `:-` for `${x:-y}`; for one without a
 * colon, just `-`. `keepsQuotes`: quotes have no meaning, as in a heredoc.
 */
export function findModifiers(text: string, escapeToken: string, keepsQuotes = false): string[] {
  const modifiers: string[] = [];
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === escapeToken && quote !== "'") at++;
    else if (char === quote) quote = '';
    else if (!keepsQuotes && quote === '' && (char === "'" || char === '"')) quote = char;
    else if (char === '$' && quote !== "'") {
      const [, operator] = /^\$\{(?:\w+|[@*#?$!-])(:?[^}\w])/.exec(text.slice(at, at + maxLength)) ?? [];
      if (operator !== undefined) modifiers.push(operator);
    }
  }
  return modifiers;
}

/** Longer names are not looked at. */
const maxLength = 300;
