import { isCacheOnly, readOptions } from './bake-options.ts';
import { isFilled, isObject, type Json, record, strings } from './json.ts';
import { readAnnotations } from './read-attestations.ts';
import {
  type ForeignBuilds,
  type ForeignTarget,
  isAddress,
  type Omission,
  ReadError,
  rootPath,
} from './target.ts';

/** Fields that say how to build or where to put the result, and that definitions have no place for. */
const untold: Readonly<Record<string, string>> = {
  call: 'call',
  'cache-from': 'cache-from',
  'cache-to': 'cache-to',
  'no-cache': 'no-cache',
  'no-cache-filter': 'no-cache-filter',
  pull: 'pull',
};
/** Fields that say nothing about the image. */
const ignored = new Set(['description', 'inherits', 'matrix', 'name']);

/**
 * Reads a bake file in JSON, or what `docker buildx bake --print` prints. `names`: targets and groups; without them the group
 * `default`, or else all targets. `folder`: where bake runs, relative to the project root.
 * @throws ReadError
 */
export function readBake(
  text: string,
  {
    file,
    names,
    folder = '.',
  }: { readonly file: string; readonly names: readonly string[]; readonly folder?: string },
): ForeignBuilds {
  const document = parse(text, file);
  const targets = merged(document.target);
  const groups = merged(document.group);
  const all = Object.keys(targets).filter((name) => !name.startsWith('_'));
  if (all.length === 0) throw new ReadError(`${file} has no targets`);
  const wanted = names.length > 0 ? names : groups.default || targets.default ? ['default'] : all;
  const chosen = new Set<string>();
  const visited = new Set<string>();
  const add = (name: string): void => {
    if (visited.has(name)) return;
    visited.add(name);
    const group = groups[name];
    if (group !== undefined) for (const each of strings(group.targets)) add(each);
    if (targets[name] !== undefined) chosen.add(name);
    else if (group === undefined)
      throw new ReadError(
        `${file} has no target or group ${name}; it has ${[...Object.keys(groups), ...all].join(', ')}`,
      );
  };
  for (const name of wanted) add(name);
  const omissions: Omission[] = [];
  const found: ForeignTarget[] = [];
  // Targets that others use as contexts are built, too.
  for (const name of chosen) {
    const target = readTarget(name, inherited(name, targets, file), { file, folder }, omissions);
    if (target === undefined) continue;
    found.push(target);
    for (const source of Object.values(target.contexts))
      if (source.startsWith('target:') && targets[source.slice(7)] !== undefined) chosen.add(source.slice(7));
  }
  const hidden = found.filter(({ name }) => isCacheOnly(inherited(name, targets, file).output));
  return { targets: withoutTwins(found, new Set(hidden.map(({ name }) => name))), omissions };
}

/** Drops the targets that `tasks export bake` adds to give a context a second name: they are built like the one they are named after. */
function withoutTwins(targets: readonly ForeignTarget[], hidden: ReadonlySet<string>): ForeignTarget[] {
  const buildOf = ({ name: _, place: __, tags: ___, ...build }: ForeignTarget): string =>
    JSON.stringify(build);
  const byName = new Map(targets.map((target) => [target.name, target]));
  const originals = new Map<string, string>();
  for (const target of targets) {
    const original = byName.get(/^(.+)-context-\d+-*$/.exec(target.name)?.[1] ?? '');
    if (original !== undefined && hidden.has(target.name) && buildOf(original) === buildOf(target))
      originals.set(`target:${target.name}`, `target:${original.name}`);
  }
  return targets
    .filter(({ name }) => !originals.has(`target:${name}`))
    .map((target) => ({
      ...target,
      contexts: Object.fromEntries(
        Object.entries(target.contexts).map(([name, source]) => [name, originals.get(source) ?? source]),
      ),
    }));
}

function parse(text: string, file: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ReadError(`${file} is not JSON: ${(error as Error).message}`);
  }
  if (
    !isObject(value) ||
    (value.target !== undefined && !isObject(value.target) && !Array.isArray(value.target))
  )
    throw new ReadError(`${file} is not a bake file: expected an object with "target"`);
  return value;
}

/** JSON in the layout of HCL has lists of objects where bake prints objects. */
function merged(value: unknown): Record<string, Json> {
  const parts = Array.isArray(value) ? value : [value];
  const all = parts.filter(isObject).flatMap((part) => Object.entries(part));
  return Object.fromEntries(
    all.map(([name, body]) => [
      name,
      Array.isArray(body) ? Object.assign({}, ...body.filter(isObject)) : (body as Json),
    ]),
  );
}

/** Returns a target with the fields of those that it inherits from; later ones override earlier ones. */
function inherited(
  name: string,
  targets: Readonly<Record<string, Json>>,
  file: string,
  path: readonly string[] = [],
): Json {
  if (path.includes(name)) throw new ReadError(`${file}: ${[...path, name].join(' inherits ')}`);
  const own = targets[name];
  if (own === undefined)
    throw new ReadError(`${file}: ${path.at(-1)} inherits ${name}, which does not exist`);
  const parents = strings(own.inherits).map((each) => inherited(each, targets, file, [...path, name]));
  const joined: Record<string, unknown> = {};
  for (const next of [...parents, own])
    for (const [field, value] of Object.entries(next)) {
      const before = joined[field];
      const isMap = ['args', 'labels', 'contexts'].includes(field) && isObject(before) && isObject(value);
      joined[field] = isMap ? { ...before, ...value } : value;
    }
  return joined;
}

function readTarget(
  name: string,
  written: Json,
  { file, folder }: { readonly file: string; readonly folder: string },
  omissions: Omission[],
): ForeignTarget | undefined {
  const place = `${file} › ${name}`;
  const fields = unescaped(written, (text) =>
    omissions.push({ place, what: `what only bake evaluates: ${text}` }),
  ) as Json;
  const omit = (what: string): void => void omissions.push({ place, what });
  const contextText = String(fields.context ?? '.');
  const context = isAddress(contextText) ? undefined : rootPath(folder, contextText);
  if (context === undefined || contextText.startsWith('/')) {
    omit(`the target: its context ${contextText} is not a folder of the project`);
    return undefined;
  }
  const dockerfile = rootPath(context, String(fields.dockerfile ?? 'Dockerfile'));
  if (dockerfile === undefined) {
    omit(`the target: its Dockerfile ${fields.dockerfile} is not in the project`);
    return undefined;
  }
  for (const [field, what] of Object.entries(untold)) if (isFilled(fields[field])) omit(what);
  for (const field of Object.keys(fields))
    if (!known.has(field) && !ignored.has(field) && untold[field] === undefined && isFilled(fields[field]))
      omit(field);
  const inline = fields['dockerfile-inline'];
  return {
    name,
    place,
    context,
    dockerfile,
    ...(typeof inline === 'string' ? { dockerfileText: inline } : {}),
    ...(typeof fields.target === 'string' && fields.target !== '' ? { target: fields.target } : {}),
    args: record(fields.args),
    labels: record(fields.labels),
    ...(isFilled(fields.annotations)
      ? { annotations: readAnnotations(strings(fields.annotations), omit) }
      : {}),
    // Without an output, tags name nothing: the target is a context of others.
    tags: isCacheOnly(fields.output) ? [] : strings(fields.tags),
    platforms: strings(fields.platforms),
    contexts: Object.fromEntries(
      Object.entries(record(fields.contexts)).map(([key, source]) => [key, contextSource(source, folder)]),
    ),
    options: readOptions(fields, omit),
  };
}

/** Bake writes `$${` for `${` (not before buildx 0.14), and evaluates what is not doubled. */
function unescaped(value: unknown, onTemplate: (text: string) => void): unknown {
  if (typeof value === 'string') {
    const template = /(?<![$%])[$%]\{[^}]*\}?/.exec(value);
    if (template !== null) onTemplate(template[0]);
    return value.replace(/\$\$(?=\{)/g, '$').replace(/%%(?=\{)/g, '%');
  }
  if (Array.isArray(value)) return value.map((each) => unescaped(each, onTemplate));
  if (!isObject(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, each]) => [unescaped(name, onTemplate), unescaped(each, onTemplate)]),
  );
}

const known = new Set(
  'context dockerfile dockerfile-inline target args labels tags platforms contexts network extra-hosts shm-size ulimits entitlements secret ssh output annotations attest'.split(
    ' ',
  ),
);

function contextSource(source: string, folder: string): string {
  return isAddress(source) ? source : (rootPath(folder, source) ?? source);
}
