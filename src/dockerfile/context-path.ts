/** A path in a build context, clean and without a leading slash; empty for the whole context. */
export interface ContextPath {
  readonly path: string;
  /** True for a pattern as `compileGlob` takes it. */
  readonly isPattern: boolean;
}

/** All of a build context. */
export const wholeContext: ContextPath = { path: '', isPattern: false };
