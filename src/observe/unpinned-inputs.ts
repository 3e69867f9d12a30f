import type { UnpinnedInput } from '../model/observed.ts';

/** Returns the inputs without repeated details. */
export function eachOnce(inputs: readonly UnpinnedInput[]): UnpinnedInput[] {
  return [...new Map(inputs.map((input) => [input.detail, input])).values()];
}
