import { isObject, type Json, list, record, strings } from './json.ts';
import { readAttestations } from './read-attestations.ts';
import type { TargetOptions } from './target.ts';

/** Returns the options of a build that a bake target has. */
export function readOptions(fields: Json, omit: (what: string) => void): TargetOptions {
  const { network } = fields;
  const hosts = Object.entries(record(fields['extra-hosts'])).map(([host, address]) => `${host}:${address}`);
  const ulimits = strings(fields.ulimits);
  const allow = strings(fields.entitlements);
  const secrets = readSecrets(fields.secret, omit);
  const ssh = readSsh(fields.ssh, omit);
  const attest = readAttestations(list(fields.attest).map(pairsOf), omit);
  return {
    ...(typeof network === 'string' && network !== 'default' ? { network } : {}),
    ...(hosts.length > 0 ? { addHosts: hosts } : {}),
    ...(fields['shm-size'] === undefined ? {} : { shmSize: String(fields['shm-size']) }),
    ...(ulimits.length > 0 ? { ulimits } : {}),
    ...(allow.length > 0 ? { allow } : {}),
    ...(Object.keys(secrets).length > 0 ? { secrets } : {}),
    ...(Object.keys(ssh).length > 0 ? { ssh } : {}),
    ...(Object.keys(attest).length > 0 ? { attest } : {}),
    ...readOutput(fields.output, omit),
  };
}

function readOutput(value: unknown, omit: (what: string) => void): Pick<TargetOptions, 'output'> {
  const outputs = list(value).map(pairsOf);
  for (const { type = 'local', dest } of outputs) {
    if (type === 'local' || type === 'tar') {
      omit(`output to ${dest ?? type}: tasks keeps the files in .cache`);
      return { output: 'files' };
    }
    const more = outputs
      .flatMap((each) => Object.keys(each))
      .filter((key) => !['type', 'push', 'name', 'load'].includes(key));
    if (more.length > 0) omit(`output options ${[...new Set(more)].join(', ')}`);
  }
  return {};
}

/** Tells whether a target has no result of its own. */
export function isCacheOnly(output: unknown): boolean {
  const outputs = list(output);
  return outputs.length > 0 && outputs.every((each) => pairsOf(each).type === 'cacheonly');
}

/** Reads `id=npm,src=.npmrc` and `id=npm,env=TOKEN`. */
function readSecrets(value: unknown, omit: (what: string) => void): Record<string, object> {
  return Object.fromEntries(
    list(value).flatMap((each): [string, object][] => {
      const { id = '', src, source = src, env, type } = pairsOf(each);
      if (id === '') {
        omit('a secret without an id');
        return [];
      }
      if (env !== undefined) return [[id, { env }]];
      return source === undefined || type === 'env'
        ? [[id, { env: source ?? id }]]
        : [[id, { file: source }]];
    }),
  );
}

/** Reads `default` and `id=path`. */
function readSsh(value: unknown, omit: (what: string) => void): Record<string, object> {
  return Object.fromEntries(
    list(value).flatMap((each): [string, object][] => {
      const pairs = typeof each === 'string' && !each.includes('=') ? { id: each } : pairsOf(each);
      const [id, source] =
        'id' in pairs ? [pairs.id!, undefined] : (Object.entries(pairs)[0] ?? ['default', undefined]);
      if (source?.includes(',')) omit(`more than one key for ssh ${id}`);
      return [[id, source === undefined ? { agent: true } : { key: source.split(',')[0] }]];
    }),
  );
}

/** Returns the pairs of `a=1,b=2`, or of an object. */
function pairsOf(value: unknown): Record<string, string> {
  if (isObject(value)) return record(value);
  return Object.fromEntries(
    String(value)
      .split(',')
      .map((part) => {
        const at = part.indexOf('=');
        return at < 0 ? ['type', part] : [part.slice(0, at).trim(), part.slice(at + 1)];
      }),
  );
}
