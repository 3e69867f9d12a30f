/** A path in a build context, clean and without a leading slash; empty for the whole context. */
export interface ContextPath {
  readonly path: string;
  /** True for a pattern as `compileGlob` takes it. */
  readonly isPattern: boolean;
}

/** A path in a build context without which an instruction fails. */
export interface RequiredPath {
  /** Clean and without a leading slash; empty for the whole context. */
  readonly path: string;
  readonly keyword: string;
  /** The first line of the instruction. */
  readonly line: number;
}

/** All of a build context. */
export const wholeContext: ContextPath = { path: '', isPattern: false };
