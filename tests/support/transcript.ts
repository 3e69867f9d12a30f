/** A command in a README, and the output that the README shows below it. */
export interface Exchange {
  readonly command: string;
  readonly output: string;
}

const block = /^```console\n([\s\S]*?)^```$/gm;

/** Returns the commands in the ```console blocks of a page, with their output. */
export function readTranscript(page: string): Exchange[] {
  return [...page.matchAll(block)].flatMap(([, text]) => exchangesOf(text!));
}

function exchangesOf(text: string): Exchange[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command, ...output] = part.split('\n');
      return { command: command!, output: output.join('\n') };
    });
}

/** Returns the page with these outputs in place of its own, in the order of its commands. */
export function withOutputs(page: string, outputs: readonly string[]): string {
  let next = 0;
  return page.replace(block, (_, text: string) => {
    const parts = exchangesOf(text).map(({ command }) => `$ ${command}\n${outputs[next++]}`);
    return `\`\`\`console\n${parts.join('')}\`\`\``;
  });
}

/**
 * Returns an output without what differs from run to run and from machine to machine: durations, estimates, times in tags, digits of
 * keys, the number of jobs, sizes, the list of slow tasks, and the order of tasks that run at the same time.
 */
export function comparable(output: string): string {
  const text = output
    .replace(/ · (?:saved )?(?:about|at least|more than) [\dhms. ]+/g, '')
    .replace(/\b(?:\d+ h )?(?:\d+ m )?\d+(?:\.\d+)? s\b/g, 'N s')
    .replace(/\b\d+(?:\.\d+)? [kMG]?B\b/g, 'N B')
    // A change that comes while the watch still opens its watchers is found, but not named.
    .replace(/^changed: .*\n/gm, '')
    .replace(/\/\d{17}\.json\b/g, '/TIME.json')
    .replace(/^ {2}slowest: .*\n/gm, '')
    .replace(/\b\d{4}-\d\d-\d\d[ T][\d:.-]+Z?/g, 'TIME')
    .replace(/-dev\d{12}\b/g, '-dev')
    .replace(/-k[0-9a-f]{12}\b/g, '-k')
    .replace(/\b\d+ jobs?\b/g, 'N jobs');
  return text.replace(/(?:^[▸✔] .*\n)+/gm, (lines) =>
    lines.split('\n').slice(0, -1).sort().join('\n').concat('\n'),
  );
}
