/** A box to be placed; sizes are in pixels. */
export interface Box {
  readonly width: number;
  readonly height: number;
}

/** A link from a box to a box below it, both given by index. */
export interface Link {
  readonly from: number;
  readonly to: number;
  /** Links of two kinds to one box are drawn as two lines. */
  readonly kind: string;
}

/** A placed box; `x` and `y` are its upper left corner. */
export interface Rect extends Box {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** In the order of the boxes. */
  readonly places: readonly Rect[];
  /** In the order of the links. */
  readonly lines: readonly Line[];
}

/** A box in its row, or the point at which lines to one box pass through a row. */
export interface Item {
  /** The index of the box; undefined for a line. */
  readonly box?: number;
  readonly width: number;
  readonly up: Item[];
  readonly down: Item[];
  /** The index in its row. */
  position: number;
  /** The horizontal center. */
  x: number;
}

export interface LayoutOptions {
  /** The width above which a row is split. */
  readonly width: number;
  /** The space between boxes. */
  readonly gap: number;
}

/** The corners of a line, from its box down to the other. Between two corners it is vertical or an S-curve. */
export type Line = readonly (readonly [x: number, y: number])[];
