import type { CommandTask, ImageTask, Task } from '../model/task.ts';
import { type CommandValues, type FieldFault, formatValue, type ImageValues } from './fields.ts';
import { asTag, tagFault } from './names.ts';

/** What a task is before its fields are known. */
export type TaskIdentity = Pick<Task, 'id' | 'name' | 'version' | 'axes' | 'where' | 'needs' | 'after'>;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What images and commands share. No spreads: they cost more than all the rest of making a task. */
function withShared<T extends Task>(task: Writable<T>, values: ImageValues | CommandValues): T {
  if (values.description !== undefined) task.description = values.description;
  if (values.timeout !== undefined) task.timeoutMs = milliseconds(values.timeout);
  if (values.maxAge !== undefined) task.maxAgeMs = milliseconds(values.maxAge);
  return task as T;
}

/** The task of an image at one version. Complains of fields that do not go together. */
export function makeImageTask(
  base: TaskIdentity,
  values: ImageValues,
  defaultPlatform: string,
  complain: (fault: FieldFault) => void,
): ImageTask {
  const isFiles = values.output === 'files';
  const platforms = values.platforms ?? [defaultPlatform];
  if (platforms.length > 1) {
    complain({
      field: 'platforms',
      message: 'several platforms in one task are not supported yet',
      found: formatValue(platforms),
      expected: 'one platform',
    });
  }
  if (isFiles && values.test !== undefined)
    complain({ field: 'test', message: "output: 'files' makes no image that a test could run in" });
  const tags = values.tags === undefined ? [asTag(base.version)] : asTags('tags', values.tags, complain);
  const aliases = asTags('aliases', values.aliases, complain);
  const context = values.context.endsWith('/') ? values.context.replace(/\/+$/, '') : values.context;
  const task: Writable<ImageTask> = {
    kind: 'image',
    id: base.id,
    name: base.name,
    version: base.version,
    axes: base.axes,
    where: base.where,
    needs: base.needs,
    after: base.after,
    retries: values.retries,
    allowFailure: values.allowFailure,
    secrets: values.secrets,
    context,
    dockerfile: values.dockerfile ?? `${context}/Dockerfile`,
    args: values.args,
    labels: values.labels,
    network: values.network,
    platform: platforms[0]!,
    output: values.output,
    publish: values.publish && !isFiles,
    tags: isFiles ? [] : tags,
    aliases: isFiles ? [] : aliases,
  };
  if (values.target !== undefined) task.target = values.target;
  if (values.test !== undefined) task.test = values.test;
  return withShared(task, values);
}

/** Each once. A version, which is a task's tag where none is given, has been looked at before. */
function asTags(field: string, given: readonly string[], complain: (fault: FieldFault) => void): string[] {
  if (given.length === 0) return [];
  const tags = given.map(asTag);
  for (const tag of tags) {
    const expected = tagFault(tag);
    if (expected !== undefined)
      complain({ field, message: 'not a valid tag', found: formatValue(tag), expected });
  }
  return [...new Set(tags)];
}

/** The task of a command at one version. */
export function makeCommandTask(base: TaskIdentity, values: CommandValues): CommandTask {
  const task: Writable<CommandTask> = {
    kind: 'command',
    id: base.id,
    name: base.name,
    version: base.version,
    axes: base.axes,
    where: base.where,
    needs: base.needs,
    after: base.after,
    retries: values.retries,
    allowFailure: values.allowFailure,
    secrets: values.secrets,
    run: values.run as [string, ...string[]],
    inputs: values.inputs,
    env: values.env,
    publish: false,
    tags: [],
  };
  return withShared(task, values);
}

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s` → 90000. */
function milliseconds(duration: string): number {
  return Number(duration.slice(0, -1)) * unitMs[duration.at(-1)!]!;
}
