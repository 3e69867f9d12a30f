/** Where a definition was made: an error of which only the stack matters. It is formatted when it is read, which is slow. */
export interface CallSite {
  readonly stack?: string;
}

export const callSite: unique symbol = Symbol.for('image-tasks.callSite') as never;

/** What the functions for definitions return has its call site, under a symbol: it is in no JSON and no comparison. */
export interface Sited {
  readonly [callSite]?: CallSite;
}

/** The frames that a call site has: this function, at most two more of the API, and the caller's. */
const frames = 4;

/** Returns where the caller of the API is. Few frames, because the time for them is most of what a definition costs. */
export function currentSite(): CallSite {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = frames;
  const site = new Error();
  Error.stackTraceLimit = limit;
  return site;
}
