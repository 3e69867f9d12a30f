import { createHash } from 'node:crypto';
import {
  type RawManifest,
  type Registry,
  RegistryError,
  type RemoteContents,
  type RemoteImage,
} from '../../src/model/registry.ts';
import {
  attachmentsOf,
  choosePlatform,
  type Descriptor,
  isImageConfig,
  platformImages,
  subjectOf,
} from '../../src/registry/manifest.ts';
import { parseReference, type Reference } from '../../src/registry/reference.ts';

/** A call of a method: `put repo/name:tag`. */
export interface RegistryCall {
  readonly method: keyof Registry;
  readonly name: string;
}

/** An image in an engine. */
export interface FakeImage {
  /** `sha256:…`, the config's digest. */
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly created: number;
}

export interface FakeRegistry extends Registry {
  /** All calls in order, including failed ones. */
  readonly calls: RegistryCall[];
  /** Whether it allows deletes. */
  deletes: boolean;
  /** The repositories without permission to read or push, `host/repository`. */
  readonly denied: Set<string>;
  /** Runs before each call. If it throws, the call fails with that error. `nth`: the number of the call, from 1. */
  beforeCall: (call: RegistryCall, nth: number) => void | Promise<void>;
  /** Runs after each call has taken effect. If it throws, the call fails, as if its response was lost. */
  afterCall: (call: RegistryCall, nth: number) => void | Promise<void>;
  putBlob(repository: string, bytes: Buffer): void;
  /** Pushes an image as an engine does. Returns the manifest's digest. */
  push(tag: string, image: FakeImage): string;
  /** Pulls an image as an engine does. */
  pull(name: string): FakeImage;
  /** Returns the digest of each tag in a repository. */
  tagDigests(repository: string): Readonly<Record<string, string>>;
}

interface Repository {
  readonly manifests: Map<string, RawManifest>;
  readonly tags: Map<string, string>;
  readonly blobs: Map<string, Buffer>;
}

interface Parts {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

const imageType = 'application/vnd.oci.image.manifest.v1+json';
const textLabel = 'image-tasks.document';

/** Returns a `Registry` in memory. It serves any number of hosts. */
export function fakeRegistry(): FakeRegistry {
  const repositories = new Map<string, Repository>();
  const at = ({ host, repository }: Reference): Repository => {
    const name = `${host}/${repository}`;
    if (fake.denied.has(name))
      throw new RegistryError('denied', `${host} does not allow us to access ${repository}`);
    const found = repositories.get(name) ?? { manifests: new Map(), tags: new Map(), blobs: new Map() };
    repositories.set(name, found);
    return found;
  };
  const digestAt = (reference: Reference): string | undefined => {
    const { manifests, tags } = at(reference);
    const digest = reference.digest ?? tags.get(reference.tag!);
    return digest !== undefined && manifests.has(digest) ? digest : undefined;
  };
  const manifestAt = (reference: Reference): RawManifest => {
    const digest = digestAt(reference);
    if (digest === undefined)
      throw new RegistryError('missing', `${reference.repository}:${reference.tag} not found`);
    return at(reference).manifests.get(digest)!;
  };
  const put = (reference: Reference, manifest: RawManifest): void => {
    const { manifests, tags, blobs } = at(reference);
    const { manifests: images = [], config, layers = [] } = partsOf(manifest);
    const isWhole =
      images.every(({ digest }) => manifests.has(digest)) &&
      [...layers, ...(config ? [config] : [])].every(({ digest }) => blobs.has(digest));
    if (!isWhole) throw new RegistryError('broken', 'returned 400 (MANIFEST_BLOB_UNKNOWN)');
    manifests.set(manifest.digest, manifest);
    if (reference.digest === undefined) tags.set(reference.tag!, manifest.digest);
  };
  const configAt = (reference: Reference, manifest: RawManifest) =>
    JSON.parse(at(reference).blobs.get(partsOf(manifest).config!.digest)!.toString('utf8'));
  const copy = (from: Reference, to: Reference): void => {
    const manifest = manifestAt(from);
    const { manifests = [], config, layers = [] } = partsOf(manifest);
    for (const { digest } of manifests) copy({ ...from, digest }, to);
    for (const { digest } of [...layers, ...(config ? [config] : [])])
      at(to).blobs.set(digest, at(from).blobs.get(digest)!);
    put({ ...to, digest: manifest.digest }, manifest);
  };
  const image = (reference: Reference, platform: string): RemoteImage | undefined => {
    if (digestAt(reference) === undefined) return undefined;
    const top = manifestAt(reference);
    const { manifests } = partsOf(top);
    const chosen = manifests && choosePlatform(platformImages(manifests), platform);
    if (manifests !== undefined && chosen === undefined) return undefined;
    const manifest = chosen ? manifestAt({ ...reference, digest: chosen.digest }) : top;
    const { config, layers = [] } = partsOf(manifest);
    const { os, architecture, variant, created, config: settings } = configAt(reference, manifest);
    const own = { mediaType: '', digest: '', platform: { os, architecture, variant } };
    if (chosen === undefined && choosePlatform([own], platform) === undefined) return undefined;
    return {
      digest: top.digest,
      manifest: { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.body.length },
      ids: [...new Set([config!.digest, manifest.digest, top.digest])],
      labels: settings?.Labels ?? {},
      bytes: layers.reduce((sum, { size = 0 }) => sum + size, config!.size!),
      ...(created ? { created: Date.parse(created) } : {}),
      ...attachmentsOf(manifests ?? [], manifest),
    };
  };
  const contents = (reference: Reference): RemoteContents | undefined => {
    if (digestAt(reference) === undefined) return undefined;
    const { digest } = manifestAt(reference);
    const digests = new Set<string>();
    const platforms: string[] = [];
    const visit = (manifest: RawManifest): void => {
      const { manifests = [], config } = partsOf(manifest);
      for (const each of [...manifests.map(({ digest }) => digest), ...subjectOf(manifest)])
        digests.add(each);
      if (config !== undefined && isImageConfig(config)) {
        const { os, architecture, variant } = configAt(reference, manifest);
        platforms.push([os, architecture, variant].filter(Boolean).join('/'));
      }
      for (const each of platformImages(manifests)) visit(manifestAt({ ...reference, digest: each.digest }));
    };
    visit(manifestAt(reference));
    return {
      digest,
      manifestDigests: [...digests],
      images: platforms.map((platform) => image(reference, platform)!),
    };
  };
  const keep = (reference: Reference, config: Buffer, id = digestOf(config)): string => {
    at(reference).blobs.set(id, config);
    const body = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: imageType,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: id, size: config.length },
        layers: [],
      }),
    );
    put(reference, { mediaType: imageType, digest: digestOf(body), body });
    return digestOf(body);
  };
  let nth = 0;
  /** Logs a call, and lets `beforeCall` and `afterCall` make it fail. */
  const call = async <T>(method: keyof Registry, name: string, work: (at: Reference) => T): Promise<T> => {
    const logged = { method, name };
    const number = ++nth;
    fake.calls.push(logged);
    await fake.beforeCall(logged, number);
    const result = work(parseReference(name));
    await fake.afterCall(logged, number);
    return result;
  };
  const fake: FakeRegistry = {
    calls: [],
    deletes: true,
    denied: new Set(),
    beforeCall: () => undefined,
    afterCall: () => undefined,
    head: (name) => call('head', name, digestAt),
    image: (name, platform) => call('image', name, (reference) => image(reference, platform)),
    contents: (name) => call('contents', name, contents),
    manifest: (name) => call('manifest', name, manifestAt),
    put: (name, manifest) => call('put', name, (reference) => put(reference, manifest)),
    copy: (from, repository) =>
      call('copy', from, (reference) => copy(reference, parseReference(repository))),
    mayPush: (repository) => call('mayPush', repository, (reference) => void at(reference)),
    mayDelete: (repository) =>
      call('mayDelete', repository, (reference) => {
        at(reference);
        if (!fake.deletes)
          throw new RegistryError(
            'denied',
            `${reference.host} does not allow anyone to delete from ${reference.repository}`,
          );
      }),
    tags: (repository) => call('tags', repository, (reference) => [...at(reference).tags.keys()].sort()),
    untag: (name) =>
      call('untag', name, (reference) => {
        if (digestAt(reference) === undefined) return 'gone';
        if (!fake.deletes) return 'refused';
        at(reference).tags.delete(reference.tag!);
        return 'gone';
      }),
    read: (name) =>
      call('read', name, (reference) => {
        if (digestAt(reference) === undefined) return undefined;
        const text = configAt(reference, manifestAt(reference)).config?.Labels?.[textLabel];
        if (text === undefined) throw new RegistryError('broken', `${name} was not written by tasks`);
        return text as string;
      }),
    write: (name, text) =>
      call('write', name, (reference) => {
        const config = { os: 'unknown', architecture: 'unknown', config: { Labels: { [textLabel]: text } } };
        keep(reference, Buffer.from(JSON.stringify(config)));
      }),
    putBlob(repository, bytes) {
      at(parseReference(repository)).blobs.set(digestOf(bytes), bytes);
    },
    push(tag, { id, labels, platform, created }) {
      const [os, architecture, variant] = platform.split('/');
      const settings = { os, architecture, variant, created: new Date(created), config: { Labels: labels } };
      return keep(parseReference(tag), Buffer.from(JSON.stringify(settings)), id);
    },
    pull(name) {
      const reference = parseReference(name);
      const manifest = manifestAt(reference);
      const { os, architecture, variant, created, config } = configAt(reference, manifest);
      return {
        id: partsOf(manifest).config!.digest,
        labels: config.Labels,
        platform: [os, architecture, variant].filter(Boolean).join('/'),
        created: Date.parse(created),
      };
    },
    tagDigests: (repository) => Object.fromEntries(at(parseReference(repository)).tags),
  };
  return fake;
}

function partsOf({ body }: RawManifest): Parts {
  return JSON.parse(body.toString('utf8')) as Parts;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
