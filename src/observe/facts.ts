import type { ImageTask } from '../model/task.ts';

export interface DockerfileFacts {
  readonly declaredArgs: string[];
  readonly impure: string[];
  readonly faults: { line: number; message: string }[];
}
export async function dockerfileFacts(
  _task: ImageTask,
  text: string,
  _reader: unknown,
): Promise<DockerfileFacts> {
  return { declaredArgs: [...text.matchAll(/^\s*ARG\s+(\w+)/gim)].map((m) => m[1]!), impure: [], faults: [] };
}
export interface Ignore {
  ignores(path: string): boolean;
  mayReinclude(dir: string): boolean;
}
export class IgnoreError extends Error {}
export function compileIgnore(_text: string): Ignore {
  return { ignores: () => false, mayReinclude: () => true };
}
