/** Text sizes in pixels. */
export const FONT_SIZES = { title: 13, small: 11, chip: 11, legend: 11 } as const;
/** The width of a character as a fraction of the text size, in the widest of the common monospace fonts. */
export const CHARACTER_WIDTH = 0.615;

/** Returns an upper bound of a text's width in pixels. */
export function textWidth(text: string, size: number): number {
  return Math.ceil(text.length * size * CHARACTER_WIDTH);
}
