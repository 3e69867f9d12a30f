import { type Document, parseDocument } from 'yaml';
import { isObject, type Json } from './json.ts';
import {
  type ForeignBuilds,
  type ForeignTarget,
  isAddress,
  type Omission,
  ReadError,
  rootPath,
} from './target.ts';

/** Fields of `build` that definitions have no place for. */
const untold = [
  'cache_from',
  'cache_to',
  'no_cache',
  'pull',
  'privileged',
  'isolation',
  'provenance',
  'sbom',
  'x-bake',
];
const carried = new Set(
  'context dockerfile dockerfile_inline target args labels tags platforms additional_contexts network extra_hosts shm_size ulimits entitlements secrets ssh'.split(
    ' ',
  ),
);

/**
 * Reads the services of a compose file that are built. `variables`: what `${NAME}` stands for. `names`: services; all without them.
 * `folder`: the folder of the file, relative to the project root.
 * @throws ReadError
 */
export function readCompose(
  text: string,
  {
    file,
    names,
    folder = '.',
    variables,
  }: {
    readonly file: string;
    readonly names: readonly string[];
    readonly folder?: string;
    readonly variables: Readonly<Record<string, string | undefined>>;
  },
): ForeignBuilds {
  const omissions: Omission[] = [];
  const document = parseDocument(text, { merge: true });
  const [error] = document.errors;
  if (error !== undefined) throw new ReadError(`${file} is not YAML: ${error.message.split('\n')[0]}`);
  const root = toValue(document, file);
  const services = isObject(root) && isObject(root.services) ? root.services : undefined;
  if (services === undefined)
    throw new ReadError(`${file} is not a compose file: expected an object with "services"`);
  const unknown = names.find((name) => services[name] === undefined);
  if (unknown !== undefined)
    throw new ReadError(`${file} has no service ${unknown}; it has ${Object.keys(services).join(', ')}`);
  const built = Object.entries(services).filter(
    ([name, service]) =>
      isObject(service) && service.build !== undefined && (names.length === 0 || names.includes(name)),
  );
  if (built.length === 0)
    throw new ReadError(
      `no service of ${file} has a build: its images come from elsewhere, so there is nothing to build`,
    );
  const targets = built.flatMap(([name, service]) => {
    const place = `${file} › ${name}`;
    const omit = (what: string): void => void omissions.push({ place, what });
    const fields = interpolated(service, variables, omit) as Json;
    return (
      readService(
        name,
        fields,
        { place, folder, secrets: isObject(root) ? root.secrets : undefined, variables },
        omit,
      ) ?? []
    );
  });
  return { targets, omissions };
}

/** Aliases can make a small file as large as they like: the limit is far above that of any real file. */
function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100_000 });
  } catch (error) {
    // Of an alias without an anchor, or of too many.
    if (error instanceof ReferenceError) throw new ReadError(`${file} cannot be read: ${error.message}`);
    throw error;
  }
}

function readService(
  name: string,
  service: Json,
  {
    place,
    folder,
    secrets,
    variables,
  }: {
    readonly place: string;
    readonly folder: string;
    readonly secrets: unknown;
    readonly variables: Readonly<Record<string, string | undefined>>;
  },
  omit: (what: string) => void,
): ForeignTarget | undefined {
  const build: Json =
    typeof service.build === 'string' ? { context: service.build } : (service.build as Json);
  const contextText = String(build.context ?? '.');
  const context =
    isAddress(contextText) || contextText.startsWith('/') ? undefined : rootPath(folder, contextText);
  const dockerfile =
    context === undefined ? undefined : rootPath(context, String(build.dockerfile ?? 'Dockerfile'));
  if (context === undefined || dockerfile === undefined) {
    omit(`the service: its context ${contextText} is not a folder of the project`);
    return undefined;
  }
  for (const field of untold)
    if (build[field] !== undefined && build[field] !== false) omit(`build.${field}`);
  for (const field of Object.keys(build))
    if (!carried.has(field) && !untold.includes(field)) omit(`build.${field}`);
  if (service.extends !== undefined) omit('extends');
  const image = typeof service.image === 'string' ? [service.image] : [];
  const hosts = Object.entries(pairs(build.extra_hosts, /[:=]/)).map(
    ([host, address]) => `${host}:${address}`,
  );
  const ulimits = Object.entries(isObject(build.ulimits) ? build.ulimits : {}).map(([limit, value]) =>
    isObject(value) ? `${limit}=${value.soft}:${value.hard}` : `${limit}=${value}`,
  );
  const allow = list(build.entitlements);
  const used = secretSources(build.secrets, secrets, folder, omit);
  const ssh = Object.entries(pairs(build.ssh)).map(([id, key]) => [
    id,
    key === '' ? { agent: true } : { key },
  ]);
  const platforms = list(build.platforms);
  return {
    name,
    place,
    context,
    dockerfile,
    ...(typeof build.dockerfile_inline === 'string' ? { dockerfileText: build.dockerfile_inline } : {}),
    ...(typeof build.target === 'string' ? { target: build.target } : {}),
    args: pairs(build.args, /=/, (arg) => {
      const value = variables[arg];
      if (value === undefined) omit(`the arg ${arg}, whose value is in the environment`);
      return value;
    }),
    labels: pairs(build.labels),
    tags: [...new Set([...image, ...list(build.tags)])],
    platforms: (platforms.length > 0 ? platforms : list(service.platform)).filter((each) => each !== ''),
    contexts: Object.fromEntries(
      Object.entries(pairs(build.additional_contexts)).map(([context, source]) => [
        context,
        isAddress(source) ? source.replace(/^service:/, 'target:') : (rootPath(folder, source) ?? source),
      ]),
    ),
    options: {
      ...(typeof build.network === 'string' && build.network !== 'default' ? { network: build.network } : {}),
      ...(hosts.length > 0 ? { addHosts: hosts } : {}),
      ...(build.shm_size === undefined ? {} : { shmSize: String(build.shm_size) }),
      ...(ulimits.length > 0 ? { ulimits } : {}),
      ...(allow.length > 0 ? { allow } : {}),
      ...(Object.keys(used).length > 0 ? { secrets: used } : {}),
      ...(ssh.length > 0 ? { ssh: Object.fromEntries(ssh) as Record<string, object> } : {}),
    },
  };
}

function secretSources(
  value: unknown,
  declared: unknown,
  folder: string,
  omit: (what: string) => void,
): Record<string, object> {
  const all = isObject(declared) ? declared : {};
  return Object.fromEntries(
    (Array.isArray(value) ? value : []).flatMap((each): [string, object][] => {
      const source = isObject(each) ? String(each.source) : String(each);
      const id = isObject(each) && typeof each.target === 'string' ? each.target : source;
      const secret = all[source];
      if (isObject(secret) && typeof secret.environment === 'string')
        return [[id, { env: secret.environment }]];
      if (isObject(secret) && typeof secret.file === 'string')
        return [[id, { file: rootPath(folder, secret.file) ?? secret.file }]];
      omit(`the secret ${source}, which is neither a file nor a variable`);
      return [];
    }),
  );
}

/** Replaces variables in all texts, as compose does: `$NAME`, `${NAME}`, `${NAME:-default}`, `$$`. */
function interpolated(
  value: unknown,
  variables: Readonly<Record<string, string | undefined>>,
  omit: (what: string) => void,
): unknown {
  if (typeof value === 'string')
    return value.replace(
      /\$(?:\$|(\w+)|\{(\w+)(?:(:?[-+?])([^}]*))?\})/g,
      (whole: string, plain?: string, braced?: string, operator = '', other = '') => {
        if (whole === '$$') return '$';
        const name = plain ?? braced ?? '';
        const found = variables[name];
        const isSet = operator.startsWith(':') ? found !== undefined && found !== '' : found !== undefined;
        if (operator.endsWith('+')) return isSet ? other : '';
        if (isSet) return found!;
        if (operator.endsWith('-')) return other;
        omit(`the variable ${name}, which is not set`);
        return '';
      },
    );
  if (Array.isArray(value)) return value.map((each) => interpolated(each, variables, omit));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, interpolated(each, variables, omit)]),
  );
}

/** Returns the pairs of an object, or of a list `NAME=value`. */
function pairs(
  value: unknown,
  separator = /=/,
  /** Returns the value of a name alone; undefined if there is none. */
  lookUp?: (name: string) => string | undefined,
): Record<string, string> {
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((each) => {
        const at = String(each).search(separator);
        return at < 0 ? [String(each), undefined] : [String(each).slice(0, at), String(each).slice(at + 1)];
      })
    : isObject(value)
      ? Object.entries(value)
      : [];
  return Object.fromEntries(
    entries.flatMap(([name, each]) => {
      if (each !== undefined && each !== null) return [[name, String(each)]];
      const found = lookUp === undefined ? '' : lookUp(name);
      return found === undefined ? [] : [[name, found]];
    }),
  );
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [];
}
