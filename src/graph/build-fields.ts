import { isIP } from 'node:net';
import * as v from 'valibot';
import { contextName } from '../model/reference.ts';
import type { ContextSource } from '../model/task.ts';

const imagePrefix = 'docker-image://';
/** The forms of git addresses that BuildKit takes for a named context, `git@` since 0.11 (frontend/dockerui/namedcontext.go). */
const gitAddress = /^(https?:\/\/|git:\/\/|git@[\w.-]+:)\S+\.git(#\S*)?$/;
/** The name of an image, without a digest. */
const imageName =
  /^([\w.-]+(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]{0,127})?$/;
const digest = /@sha256:[0-9a-f]{64}$/;

const isImage = (reference: string): boolean =>
  reference !== 'scratch' && imageName.test(reference.replace(digest, ''));

/** `target:x` and `oci-layout://x` have a meaning for buildx. */
const isFolder = (text: string): boolean =>
  text !== '' && !/^[\w-]+:/.test(text) && !text.startsWith('/') && !text.split('/').includes('..');

/** BuildKit gives these names, and numbers, a meaning of its own. */
const reservedName = /^(scratch|context|\d+)$/;

const contextNames = v.pipe(
  v.string(),
  v.check((name) => imageName.test(name) && !reservedName.test(name), 'the name of an image or stage'),
);
const contextSource = v.pipe(
  v.string(),
  v.check(
    (text) =>
      text.startsWith(imagePrefix)
        ? isImage(text.slice(imagePrefix.length))
        : gitAddress.test(text) || isFolder(text),
    `a folder below the project root, '${imagePrefix}…', or a git address '….git#commit'`,
  ),
);

/** The limits that docker knows (docker/go-units, ulimit.go). */
const limits =
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  );
const size = /^([1-9]\d{0,8})(?:b|([kmg])b?)?$/i;
const ulimit = /^(\w+)=(-1|\d+)(?::(-1|\d+))?$/;
/** What BuildKit takes as the key of an annotation, without buildx's `index:` and the like (exporter/containerimage/exptypes). */
const annotationKey = v.pipe(
  v.string(),
  v.regex(/^\w[\w./-]*$/, "a name such as 'org.opencontainers.image.description'"),
);
const scanner = v.pipe(v.string(), v.check(isImage, 'the name of a scanner image'));
const host = /^([\w.-]+)[:=](?:\[([\da-fA-F:.]+)\]|([\da-fA-F:.]+))$/;

function isUlimit(text: string): boolean {
  const [, name, soft, hard = soft] = ulimit.exec(text) ?? [];
  if (name === undefined || !limits.includes(name)) return false;
  return hard === '-1' || (soft !== '-1' && Number(soft) <= Number(hard));
}

const isEachOnce = (names: readonly string[]): boolean => new Set(names).size === names.length;

const sshSource = v.union(
  [
    v.strictObject({ agent: v.literal(true) }),
    v.strictObject({ key: v.pipe(v.string(), v.nonEmpty('a path')) }),
  ],
  "{ agent: true } or { key: 'path' }",
);

/** The fields of an image that are options of its build. */
export const buildFields = {
  contexts: v.optional(
    v.pipe(
      v.record(contextNames, contextSource),
      v.check(
        (contexts) => isEachOnce(Object.keys(contexts).map(contextName)),
        'each name once; the default tag is latest',
      ),
    ),
  ),
  addHosts: v.optional(
    v.array(
      v.pipe(
        v.string(),
        v.check((text) => isIP(addressOf(text)) !== 0, "a name and an IP address, such as 'db:10.0.0.1'"),
      ),
    ),
  ),
  shmSize: v.optional(v.pipe(v.string(), v.regex(size, "a size such as '64m', '1g'"))),
  ulimits: v.optional(
    v.pipe(
      v.array(
        v.pipe(v.string(), v.check(isUlimit, `such as 'nofile=1024:2048', with one of ${limits.join(', ')}`)),
      ),
      v.check(
        (texts) => !texts.every(isUlimit) || isEachOnce(texts.map((text) => parseUlimit(text)[0])),
        'each limit once',
      ),
    ),
  ),
  cgroupParent: v.optional(v.pipe(v.string(), v.regex(/^\S+$/, "a cgroup, such as '/builds'"))),
  attest: v.optional(
    v.strictObject({
      provenance: v.optional(v.picklist(['min', 'max'])),
      sbom: v.optional(v.union([v.literal(true), scanner], 'true, or the name of a scanner image')),
    }),
  ),
  annotations: v.optional(v.record(annotationKey, v.string())),
  allow: v.optional(v.array(v.picklist(['network.host', 'security.insecure']))),
  ssh: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[\w.-]+$/, 'an ID of letters, digits, _ . -')), sshSource),
  ),
};

/** Returns the sources of contexts by the names that BuildKit looks up. */
export function parseContexts(
  contexts: Readonly<Record<string, string>>,
): Readonly<Record<string, ContextSource>> {
  return Object.fromEntries(
    Object.entries(contexts).map(([name, text]) => [contextName(name), parseContext(text)]),
  );
}

function parseContext(text: string): ContextSource {
  if (text.startsWith(imagePrefix)) return { image: text.slice(imagePrefix.length) };
  if (gitAddress.test(text)) return { git: text };
  return { folder: text.replace(/(?<=.)\/+$/, '') };
}

/** Returns `name=address` for `name:address` or `name=address`. */
export function parseHost(text: string): string {
  return `${host.exec(text)![1]}=${addressOf(text)}`;
}

function addressOf(text: string): string {
  const [, , bracketed, plain = ''] = host.exec(text) ?? [];
  return bracketed ?? plain;
}

/** Returns a size in bytes. */
export function parseSize(text: string): number {
  const [, number, unit = ''] = size.exec(text)!;
  return Number(number) * 1024 ** ['', 'k', 'm', 'g'].indexOf(unit.toLowerCase());
}

/** Returns the name of a limit, and its value as `soft:hard`. */
export function parseUlimit(text: string): [name: string, limit: string] {
  const [, name = '', soft = '', hard = soft] = ulimit.exec(text) ?? [];
  return [name, `${Number(soft)}:${Number(hard)}`];
}
