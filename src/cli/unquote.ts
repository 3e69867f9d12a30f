/**
 * Returns what a word of a shell's line stands for, without quotes and backslashes. The last quote may be open: the line is still
 * being typed. Nothing is expanded.
 */
export function unquote(word: string): string {
  return word.replace(
    /'([^']*)(?:'|$)|"((?:\\.|[^"\\])*)(?:"|$)|\\(.?)/gs,
    (_, single: string | undefined, double: string | undefined, escaped: string | undefined) =>
      single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
  );
}
