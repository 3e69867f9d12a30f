// V8's flags, changed during a run. V8 accepts saved compiled code only under the flags that it was saved under, although these
// flags do not change it.

/**
 * V8 optimizes code that has run for a while; a run of less than a second ends before that pays off. And it grows the space for
 * new objects sixteen-fold, which costs more than collecting a small space more often. `first`: the value at the start.
 * `long`: the value in a longer run.
 * V8 reports unknown flags on standard error: Node 22 and later do not know the first flag.
 */
const flags = [
  ...(process.version.startsWith('v20.')
    ? [{ name: 'interrupt-budget', first: 67_584, long: 1_000_000 }]
    : []),
  { name: 'semi-space-growth-factor', first: 2, long: 1 },
];

/** Undefined until a flag is changed: loading it takes two milliseconds. */
let v8: typeof import('node:v8') | undefined;
/** V8's checksum of its flags at the start: flags may have been given, or have other defaults. */
let initialTag: number | undefined;

function set(to: 'first' | 'long'): void {
  for (const flag of flags) v8?.setFlagsFromString(`--${flag.name}=${flag[to]}`);
}

/** Sets V8 up for a run that reads many tasks or builds. */
export function onLongRun(): void {
  v8 ??= require('node:v8') as typeof import('node:v8');
  initialTag ??= v8.cachedDataVersionTag();
  set('long');
}

/** Runs `act`, which handles compiled code, with the flags that the process started with. */
export function withInitialFlags<T>(act: () => T): T {
  set('first');
  try {
    return act();
  } finally {
    set('long');
  }
}

/** Whether a process that starts as this one did would accept compiled code that is saved now. */
export function hasInitialFlags(): boolean {
  return v8?.cachedDataVersionTag() === initialTag;
}
