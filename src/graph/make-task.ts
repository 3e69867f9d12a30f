import type { CommandTask, ImageTask, Task } from '../model/task.ts';
import { parseContexts, parseHost, parseSize, parseUlimit } from './build-fields.ts';
import { type CommandValues, type FieldFault, formatValue, type ImageValues } from './fields.ts';
import { asTag, tagFault } from './names.ts';

/** The part of a task that does not depend on its fields. */
export type TaskIdentity = Pick<Task, 'id' | 'name' | 'version' | 'axes' | 'where' | 'needs' | 'after'>;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Sets the optional fields that images and commands share. No spreads here: they would dominate the cost of making a task. */
function setSharedFields<T extends Task>(task: Writable<T>, values: ImageValues | CommandValues): T {
  if (values.description !== undefined) task.description = values.description;
  if (values.timeout !== undefined) task.timeoutMs = parseDuration(values.timeout);
  if (values.maxAge !== undefined) task.maxAgeMs = parseDuration(values.maxAge);
  return task as T;
}

/** Returns the task of one version and platform of an image. Reports fields that cannot be combined. */
export function makeImageTask(
  base: TaskIdentity,
  values: ImageValues,
  platform: string,
  report: (fault: FieldFault) => void,
): ImageTask {
  const isFiles = values.output === 'files';
  if (isFiles && values.test !== undefined)
    report({ field: 'test', message: "a test needs an image, and output: 'files' builds none" });
  for (const field of ['attest', 'annotations'] as const)
    if (isFiles && values[field] !== undefined)
      report({ field, message: "it is for an image, and output: 'files' builds none" });
  const both = Object.keys(values.volatileLabels).find((name) => Object.hasOwn(values.labels, name));
  if (both !== undefined)
    report({
      field: 'volatileLabels',
      message: `${both} is also in labels`,
      expected: 'each label in labels or volatileLabels, not both',
    });
  const tags = values.tags === undefined ? [asTag(base.version)] : checkTags('tags', values.tags, report);
  const aliases = checkTags('aliases', values.aliases, report);
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
    dockerfile: dockerfileName(base.id, context, values.dockerfile),
    args: values.args,
    labels: values.labels,
    network: values.network,
    platform,
    output: values.output,
    publish: values.publish && !isFiles,
    tags: isFiles ? [] : tags,
    aliases: isFiles ? [] : aliases,
  };
  if (typeof values.dockerfile === 'object') task.dockerfileText = values.dockerfile.text;
  if (values.target !== undefined) task.target = values.target;
  if (values.test !== undefined) task.test = values.test;
  if (Object.keys(values.volatileLabels).length > 0) task.volatileLabels = values.volatileLabels;
  setBuildFields(task, values);
  return setSharedFields(task, values);
}

function dockerfileName(id: string, context: string, value: ImageValues['dockerfile']): string {
  return typeof value === 'object' ? `Dockerfile of ${id}` : (value ?? `${context}/Dockerfile`);
}

/** Sets the options of the build. What is empty is left out: it means the same, and must not change the key. */
function setBuildFields(task: Writable<ImageTask>, values: ImageValues): void {
  const { contexts = {}, addHosts = [], shmSize, ulimits = [], cgroupParent, allow = [], ssh = {} } = values;
  const { attest: { provenance, sbom } = {}, annotations = {} } = values;
  if (Object.keys(contexts).length > 0) task.contexts = parseContexts(contexts);
  if (addHosts.length > 0) task.addHosts = addHosts.map(parseHost);
  if (shmSize !== undefined) task.shmSize = parseSize(shmSize);
  if (ulimits.length > 0) task.ulimits = Object.fromEntries(ulimits.map(parseUlimit));
  if (cgroupParent !== undefined) task.cgroupParent = cgroupParent;
  if (allow.length > 0) task.allow = [...new Set(allow)].sort();
  if (Object.keys(ssh).length > 0) task.ssh = ssh;
  if (provenance !== undefined || sbom !== undefined)
    task.attest = { ...(provenance ? { provenance } : {}), ...(sbom ? { sbom } : {}) };
  if (Object.keys(annotations).length > 0) task.annotations = annotations;
}

/** Checks tags and returns each once. The version, the default tag, has been checked already. */
function checkTags(field: string, given: readonly string[], report: (fault: FieldFault) => void): string[] {
  if (given.length === 0) return [];
  const tags = given.map(asTag);
  for (const tag of tags) {
    const expected = tagFault(tag);
    if (expected !== undefined)
      report({ field, message: 'not a valid tag', found: formatValue(tag), expected });
  }
  return [...new Set(tags)];
}

/** Returns the task of one version of a command, and of one platform if it has some. */
export function makeCommandTask(
  base: TaskIdentity,
  values: CommandValues,
  platform: string | undefined,
): CommandTask {
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
  if (platform !== undefined) task.platform = platform;
  return setSharedFields(task, values);
}

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a duration such as `90s` into milliseconds. */
function parseDuration(duration: string): number {
  return Number(duration.slice(0, -1)) * unitMs[duration.at(-1)!]!;
}
