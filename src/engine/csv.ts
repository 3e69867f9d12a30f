/** A field of a flag that docker reads as CSV: a comma, a quote or a line end stands in quotes, and quotes in it twice. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
