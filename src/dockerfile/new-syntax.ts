import { parseMount } from './mounts.ts';
import type { Dockerfile } from './parse.ts';

/** Syntax that needs docker 23 or newer. */
export interface NewSyntax {
  /** A description for messages. */
  readonly what: string;
  readonly line: number;
}

/** Flags that docker 20.10's BuildKit rejects in any stage, and docker 23's accepts. */
const newFlags: ReadonlySet<string> = new Set(['COPY --link', 'ADD --link', 'RUN --network']);

/** Returns the first syntax in a file that docker 20.10's BuildKit doesn't know; its engine even crashes on the tmpfs mount. */
export function findNewSyntax({ instructions }: Dockerfile): NewSyntax | undefined {
  for (const { line, keyword, heredocs, flags, trigger } of instructions) {
    if (heredocs.length > 0) return { what: 'a heredoc', line };
    const flag = flags.map(({ name }) => `${keyword} --${name}`).find((each) => newFlags.has(each));
    if (flag !== undefined) return { what: flag, line };
    const mountFlags = [...flags, ...(trigger?.flags ?? [])].filter(({ name }) => name === 'mount');
    const mounts = mountFlags.map(({ value }) => parseMount(value));
    if (mounts.some((mount) => mount?.from !== undefined && mount.type.toLowerCase() === 'tmpfs'))
      return { what: 'a tmpfs mount with from=', line };
  }
  return undefined;
}
