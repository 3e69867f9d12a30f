// A build arg that a need fills has a value that is known only in a run. While a Dockerfile is analyzed a stand-in of characters
// for private use takes its place, so that every word that is made of it can be told.

const [open, close] = ['\u{f0000}', '\u{f0001}'];

/** A variable's value that is made of a need's tag in a way that depends on the tag's text. */
export class NeedValueError extends Error {
  override readonly name = 'MadeOfNeed';
}

/** What stands for the value of a need's build arg. */
export function placeholderFor(arg: string): string {
  return open + arg + close;
}

/** True where a need's value is in a text. */
export function hasPlaceholder(text: string): boolean {
  return text.includes(open);
}

/** The build arg whose need's value a text is, as a whole; undefined for any other text. */
export function placeholderArg(text: string): string | undefined {
  const isWhole = text.startsWith(open) && text.indexOf(close) === text.length - close.length;
  return isWhole ? text.slice(open.length, -close.length) : undefined;
}

/** A text for people: `${BASE}-extra`. */
export function formatPlaceholders(text: string): string {
  return text.replaceAll(open, '${').replaceAll(close, '}');
}

/** The build args that needs fill. */
export function needBuildArgs(args: Readonly<Record<string, string>>): string[] {
  return Object.entries(args).flatMap(([name, value]) => (placeholderArg(value) === name ? [name] : []));
}
