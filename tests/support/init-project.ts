import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { type CliResult, runCli } from './cli.ts';
import { tempFolder, writeFiles } from './temp.ts';

export function folder(files: Record<string, string>): string {
  const root = path.join(tempFolder(), 'shop-images');
  writeFiles(root, files);
  return root;
}
export const init = (cwd: string, ...args: string[]): Promise<CliResult> =>
  runCli(['init', ...args], { cwd });
export const definitions = (cwd: string): string => readFileSync(path.join(cwd, 'tasks/images.ts'), 'utf8');

export interface Planned {
  readonly id: string;
  readonly needs: string[];
  readonly tags: string[];
  readonly aliases: string[];
  readonly args: Record<string, string>;
  readonly labels: Record<string, string>;
  readonly context: string;
  readonly dockerfile: string;
  readonly target: string | null;
}

/** Returns the plan by version: the platforms of one differ in nothing that these tests look at. */
export async function planned(cwd: string): Promise<Map<string, Planned>> {
  const { code, out, err } = await runCli(['plan', '--json', '--suffix', ''], { cwd });
  assert.is(code, 0, err);
  const version = (id: string): string => id.replace(/@.*/, '');
  const { tasks } = JSON.parse(out) as { tasks: Planned[] };
  const plan = new Map<string, Planned>();
  for (const task of tasks) {
    const id = version(task.id);
    const other = plan.get(id);
    // Tags in the engine and aliases are listed for one platform.
    const tags = [...(other?.tags ?? []), ...task.tags];
    const aliases = [...(other?.aliases ?? []), ...task.aliases];
    plan.set(id, { ...task, tags, aliases, needs: task.needs.map(version) });
  }
  return plan;
}
