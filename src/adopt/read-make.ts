import { splitReference } from './names.ts';
import { type ShellCommand, type ShellWord, splitCommands } from './shell-commands.ts';
import {
  type ForeignBuilds,
  type ForeignTarget,
  isAddress,
  type Omission,
  ReadError,
  rootPath,
  type TargetOptions,
} from './target.ts';

/** Flags of `docker build` and `docker buildx build` without a value. */
const switches = new Set(
  '--no-cache --pull --push --load --quiet -q --rm --force-rm --squash --compress --disable-content-trust --check --debug -D'.split(
    ' ',
  ),
);
/** Flags that change nothing in the image. */
const silent = new Set(
  '--push --load --quiet -q --rm --force-rm --progress --builder --iidfile --metadata-file --compress --disable-content-trust --debug -D --check'.split(
    ' ',
  ),
);

/**
 * Reads the `docker build` and `docker buildx build` lines of shell text: what `make -n` prints (`isMake`), or a script. `root`: the
 * project root, absolute, to which the folders that make prints are made relative; `folder`: where the text runs, relative to it.
 * @throws ReadError if there is none
 */
export function readBuildLines(
  text: string,
  {
    file,
    root,
    folder = '.',
    isMake,
  }: { readonly file: string; readonly root: string; readonly folder?: string; readonly isMake: boolean },
): ForeignBuilds {
  const omissions: Omission[] = [];
  const targets: ForeignTarget[] = [];
  const extraTags = new Map<string, string[]>();
  let hasBake = false;
  for (const command of splitCommands(text, isMake)) {
    const words = command.words.map(({ text: word }) => word);
    const kind = kindOf(words);
    if (kind === undefined) continue;
    const place = `${file}:${command.line}`;
    if (kind.verb === 'bake') {
      hasBake = true;
      omissions.push({ place, what: 'docker buildx bake: read its file with --from bake' });
    } else if (kind.verb === 'tag') {
      const [source, tag] = words.slice(kind.length);
      if (
        source !== undefined &&
        tag !== undefined &&
        command.words.every(({ unknown }) => unknown === undefined)
      )
        extraTags.set(source, [...(extraTags.get(source) ?? []), tag]);
    } else {
      const where = folderOf(command, root, folder);
      const target =
        where === undefined
          ? undefined
          : readBuild(command.words.slice(kind.length), { place, folder: where }, omissions);
      if (where === undefined)
        omissions.push({ place, what: `a build in ${command.folder}, which is outside of the project` });
      if (target !== undefined) targets.push(target);
    }
  }
  if (targets.length === 0) {
    const hint = hasBake ? ', but docker buildx bake: use --from bake' : '';
    throw new ReadError(`${file} runs no docker build and no docker buildx build${hint}`);
  }
  return {
    targets: targets.map((target) => ({
      ...target,
      tags: [...target.tags, ...tagsAddedTo(target, extraTags)],
    })),
    omissions,
  };
}

function tagsAddedTo({ tags }: ForeignTarget, extra: ReadonlyMap<string, readonly string[]>): string[] {
  return tags.flatMap((tag) => extra.get(tag) ?? []);
}

/** Returns what a docker command does, and how many of its words say so. */
function kindOf(
  words: readonly string[],
): { readonly verb: 'build' | 'bake' | 'tag'; readonly length: number } | undefined {
  const program = words[0]?.split('/').at(-1);
  if (program !== 'docker' && program !== 'podman' && program !== 'nerdctl' && program !== 'docker-buildx')
    return undefined;
  let at = 1;
  // Flags of the client itself, such as --context NAME.
  while (words[at]?.startsWith('-')) at += /=|^-D$|^--debug$|^--tls$/.test(words[at]!) ? 1 : 2;
  while (['buildx', 'image', 'builder'].includes(words[at] ?? '')) at++;
  const verb = words[at] === 'b' ? 'build' : words[at];
  return verb === 'build' || verb === 'bake' || verb === 'tag' ? { verb, length: at + 1 } : undefined;
}

function folderOf({ folder }: ShellCommand, root: string, start: string): string | undefined {
  if (!folder.startsWith('/')) return rootPath(start, folder);
  if (folder === root) return '.';
  return folder.startsWith(`${root}/`) ? rootPath(folder.slice(root.length + 1)) : undefined;
}

interface BuildPlace {
  readonly place: string;
  readonly folder: string;
}

function readBuild(
  words: readonly ShellWord[],
  { place, folder }: BuildPlace,
  omissions: Omission[],
): ForeignTarget | undefined {
  const omit = (what: string): void => void omissions.push({ place, what });
  const values = new Map<string, ShellWord[]>();
  const positional: ShellWord[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const { text } = word;
    // Redirections of the shell.
    if (/^\d*[<>]/.test(text)) {
      if (/^\d*[<>]+$/.test(text)) at++;
      continue;
    }
    if (!text.startsWith('-') || text === '-') {
      positional.push(word);
      continue;
    }
    const equals = text.indexOf('=');
    const [, short, joined] = /^(-[a-zA-Z])(.+)$/.exec(text) ?? [];
    const name =
      equals > 0 && text.startsWith('--') ? text.slice(0, equals) : short !== undefined ? short : text;
    const isSwitch = switches.has(name) && name === text;
    const value = isSwitch
      ? { text: 'true' }
      : equals > 0 && text.startsWith('--')
        ? { ...word, text: text.slice(equals + 1) }
        : joined !== undefined
          ? { ...word, text: joined.replace(/^=/, '') }
          : words[++at];
    if (value !== undefined) values.set(longName(name), [...(values.get(longName(name)) ?? []), value]);
  }
  /** Returns the values of a flag that are known without a shell. */
  const known = (name: string): string[] =>
    (values.get(name) ?? []).flatMap(({ text, unknown }) => {
      if (unknown === undefined) return [text];
      omit(`${name} ${text}: ${unknown} is known to the shell only`);
      return [];
    });
  const contextWord = positional.at(-1);
  if (
    contextWord === undefined ||
    contextWord.text === '-' ||
    contextWord.unknown !== undefined ||
    isAddress(contextWord.text)
  ) {
    omit(`the build: its context ${contextWord?.text ?? 'is missing'} is not a folder of the project`);
    return undefined;
  }
  const context = contextWord.text.startsWith('/') ? undefined : rootPath(folder, contextWord.text);
  const [file] = known('--file').slice(-1);
  const dockerfile =
    context === undefined
      ? undefined
      : file === undefined
        ? rootPath(context, 'Dockerfile')
        : file.startsWith('/') || file === '-'
          ? undefined
          : rootPath(folder, file);
  if (context === undefined || dockerfile === undefined) {
    omit(
      `the build: its ${context === undefined ? `context ${contextWord.text}` : `Dockerfile ${file}`} is not in the project`,
    );
    return undefined;
  }
  const tags = known('--tag');
  for (const name of values.keys()) if (!carried.has(name) && !silent.has(name)) omit(name);
  const [target] = known('--target').slice(-1);
  const first = tags[0] === undefined ? undefined : splitReference(tags[0]);
  return {
    name:
      tags[0] ??
      (context === '.' ? dockerfile.replace(/\/?Dockerfile$/, '') || 'image' : context.split('/').at(-1)!),
    place: first === undefined ? place : `${place} › ${tags[0]}`,
    context,
    dockerfile,
    ...(target === undefined ? {} : { target }),
    args: pairs(known('--build-arg'), (name) => omit(`the arg ${name}, whose value is in the environment`)),
    labels: pairs(known('--label'), () => undefined),
    tags,
    platforms: known('--platform').flatMap((each) => each.split(',')),
    contexts: Object.fromEntries(
      Object.entries(pairs(known('--build-context'), () => undefined)).map(([name, source]) => [
        name,
        isAddress(source) ? source : (rootPath(folder, source) ?? source),
      ]),
    ),
    options: readOptions(known, omit),
  };
}

const carried = new Set(
  '--tag --file --build-arg --target --label --platform --build-context --network --add-host --shm-size --ulimit --cgroup-parent --allow --secret --ssh --output'.split(
    ' ',
  ),
);

function longName(name: string): string {
  return { '-t': '--tag', '-f': '--file', '-o': '--output' }[name] ?? name;
}

function pairs(texts: readonly string[], onMissing: (name: string) => void): Record<string, string> {
  return Object.fromEntries(
    texts.flatMap((text) => {
      const at = text.indexOf('=');
      if (at < 0) onMissing(text);
      return at < 0 ? [] : [[text.slice(0, at), text.slice(at + 1)]];
    }),
  );
}

function readOptions(known: (name: string) => string[], omit: (what: string) => void): TargetOptions {
  const [network] = known('--network').slice(-1);
  const [shmSize] = known('--shm-size').slice(-1);
  const [cgroupParent] = known('--cgroup-parent').slice(-1);
  const [addHosts, ulimits, allow] = [known('--add-host'), known('--ulimit'), known('--allow')];
  const secrets = Object.fromEntries(
    known('--secret').map((text) => {
      const { id = '', src, source = src, env } = pairs(text.split(','), () => undefined);
      return [id, env !== undefined ? { env } : source !== undefined ? { file: source } : { env: id }];
    }),
  );
  const ssh = Object.fromEntries(
    known('--ssh').map((text) => {
      const [id = 'default', key] = text.split('=');
      return [id, key === undefined ? { agent: true } : { key }];
    }),
  );
  const exported = known('--output').find((text) => !/^type=(image|docker|registry|oci)\b/.test(text));
  if (exported !== undefined) omit(`output to ${exported}: tasks keeps the files in .cache`);
  return {
    ...(network === undefined || network === 'default' ? {} : { network }),
    ...(addHosts.length > 0 ? { addHosts } : {}),
    ...(shmSize === undefined ? {} : { shmSize }),
    ...(ulimits.length > 0 ? { ulimits } : {}),
    ...(cgroupParent === undefined ? {} : { cgroupParent }),
    ...(allow.length > 0 ? { allow } : {}),
    ...(Object.keys(secrets).length > 0 ? { secrets } : {}),
    ...(Object.keys(ssh).length > 0 ? { ssh } : {}),
    ...(exported === undefined ? {} : { output: 'files' as const }),
  };
}
