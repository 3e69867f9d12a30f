// The value of a build arg that a need fills is known only when the task runs. While a Dockerfile is analyzed, a placeholder
// made of private-use characters stands in for it, so that every word that contains the value can be recognized.

const [open, close] = ['\u{f0000}', '\u{f0001}'];

/** The value of a variable depends on the text of a need's image reference. */
export class NeedValueError extends Error {
  override readonly name = 'NeedValueError';
}

/** Returns the placeholder for the value of a need's build arg. */
export function placeholderFor(arg: string): string {
  return open + arg + close;
}

/** Tells whether a text contains a placeholder. */
export function hasPlaceholder(text: string): boolean {
  return text.includes(open);
}

/** Returns the build arg of a text that is exactly one placeholder, or undefined for any other text. */
export function placeholderArg(text: string): string | undefined {
  const isWhole = text.startsWith(open) && text.indexOf(close) === text.length - close.length;
  return isWhole ? text.slice(open.length, -close.length) : undefined;
}

/** Formats a text for messages, with placeholders shown as variables: `${BASE}-extra`. */
export function formatPlaceholders(text: string): string {
  return text.replaceAll(open, '${').replaceAll(close, '}');
}

/** Returns the names of the build args that needs fill. */
export function needBuildArgs(args: Readonly<Record<string, string>>): string[] {
  return Object.entries(args).flatMap(([name, value]) => (placeholderArg(value) === name ? [name] : []));
}
