/** Something to be placed; pixels. */
export interface Box {
  readonly width: number;
  readonly height: number;
}

/** From a box to one that stands below it; numbers of boxes. */
export interface Link {
  readonly from: number;
  readonly to: number;
  /** Links of two kinds to one box are drawn as two lines. */
  readonly kind: string;
}

/** Where something stands: its left upper corner. */
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

/** A box in its row, or the place where lines to one box pass through a row. */
export interface Item {
  readonly box?: number;
  readonly width: number;
  readonly up: Item[];
  readonly down: Item[];
  /** In its row. */
  position: number;
  /** Of its middle. */
  x: number;
}

export interface LayoutOptions {
  /** Rows go on in further ones where they would be wider. */
  readonly width: number;
  readonly gap: number;
}

/** Corners of a line from its box down to the other; between two of them it goes straight down, or swings from the side. */
export type Line = readonly (readonly [x: number, y: number])[];
