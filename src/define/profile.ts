/** Sets what definitions evaluated from now on see as `profile`. Must run before `define/index.ts` is first imported. */
export function setProfile(name: string): void {
  (globalThis as Record<symbol, unknown>)[Symbol.for('image-tasks.profile')] = name;
}
