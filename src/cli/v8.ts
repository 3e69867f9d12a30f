// V8's flags, changed in the middle of a run. V8 takes kept compiled code only under the flags that it was kept under, though
// what these change is not in it.

/**
 * V8 begins to optimise what ran for a little; what takes less than a second is over before that pays. And it makes room for new
 * objects sixteen-fold, which costs more than to look through a small room more often. Each with the value that it has at first.
 * V8 complains of flags that it does not know, on standard error: that of Node 22 and later does not know the first.
 */
const flags = [
  ...(process.version.startsWith('v20.')
    ? [{ name: 'interrupt-budget', first: 67_584, many: 1_000_000 }]
    : []),
  { name: 'semi-space-growth-factor', first: 2, many: 1 },
];

/** Undefined while no flag was changed: it costs two milliseconds to load. */
let v8: typeof import('node:v8') | undefined;
/** V8's own sum of its flags, as they were when the process began: a flag may have been given, or have another default. */
let tagAtFirst: number | undefined;

function set(to: 'first' | 'many'): void {
  for (const flag of flags) v8?.setFlagsFromString(`--${flag.name}=${flag[to]}`);
}

/** Sets V8 up for many tasks. */
export function onMany(): void {
  v8 ??= require('node:v8') as typeof import('node:v8');
  tagAtFirst ??= v8.cachedDataVersionTag();
  set('many');
}

/** Does something with compiled code while V8's flags are what they are when a process begins. */
export function asAtFirst<T>(act: () => T): T {
  set('first');
  try {
    return act();
  } finally {
    set('many');
  }
}

/** Whether a process that begins as this one did would take what is kept now. */
export function isAsAtFirst(): boolean {
  return v8?.cachedDataVersionTag() === tagAtFirst;
}
