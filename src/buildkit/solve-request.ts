import type { MessageInitShape } from '@bufbuild/protobuf';
import { contextInput, type Definition, dockerfileInput } from './frontend-inputs.ts';
import type { CacheOptionsSchema, SolveRequestSchema } from './proto/control_pb.js';

/** Where the result of a build goes: an exporter and its attributes (moby/buildkit README, "Output"). */
export type Export =
  /** Into the image store of a docker engine, without a name. */
  | { readonly kind: 'moby'; readonly attributes?: Readonly<Record<string, string>> }
  /** Into the image store of buildkitd or containerd, or to a registry: see the attributes. */
  | { readonly kind: 'image'; readonly attributes?: Readonly<Record<string, string>> }
  /** To `receiveFiles` of the build's services. */
  | { readonly kind: 'local'; readonly attributes?: Readonly<Record<string, string>> }
  /** Nowhere. */
  | { readonly kind: 'none' };

/** A build of a Dockerfile. */
export interface SolveInput {
  /** The digest of the whole context: see `SessionOptions.sharedKey`. */
  readonly sharedKey: string;
  /** The name of the Dockerfile. */
  readonly filename: string;
  /**
   * `text`: the request contains the Dockerfile and the context as frontend inputs. Only for frontends that are known to read them.
   * `key`: the name of the session's folder that contains the Dockerfile. It must change with the Dockerfile, because engines compare
   * files by size and time only.
   */
  readonly dockerfile: { readonly text: Uint8Array } | { readonly key: string };
  readonly target?: string | undefined;
  /** `linux/amd64` */
  readonly platform: string;
  /** `default`, `none` or `host`, for RUN. */
  readonly network: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  /**
   * Images and folders to use in place of names in the Dockerfile, by name, or name and platform: `docker-image://repo@sha256:…`, or
   * `local:` and the name of a folder of the session. Frontends before Dockerfile 1.4 refuse the build.
   */
  readonly namedContexts?: Readonly<Record<string, string>>;
  readonly export: Export;
  /** The tag in a registry that build caches are imported from and exported to. */
  readonly cacheTag?: string;
  /** What RUN may use, besides the network of the host: `security.insecure`. The engine must allow it. */
  readonly entitlements?: readonly string[];
  /** Other attributes of the frontend. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/**
 * Returns the message for Control/Solve. The frontend's attributes are those of moby/buildkit frontend/dockerui/config.go; the
 * exporter is in the old fields and in the new one, because engines before BuildKit 0.13 read only the old ones. Internal builds are not
 * in the build history: design note "Only builds of builders are in the build history".
 */
export function solveRequestOf(
  input: SolveInput,
  ids: { readonly ref: string; readonly session: string },
): MessageInitShape<typeof SolveRequestSchema> {
  const { kind } = input.export;
  const attributes = input.export.kind === 'none' ? {} : (input.export.attributes ?? {});
  return {
    Ref: ids.ref,
    Session: ids.session,
    Frontend: 'dockerfile.v0',
    FrontendAttrs: frontendAttributesOf(input),
    FrontendInputs: frontendInputsOf(input, ids.session),
    Cache: cacheOptionsOf(input),
    Internal: kind !== 'image',
    Entitlements: entitlementsOf(input),
    ...(kind === 'none'
      ? {}
      : {
          ExporterDeprecated: kind,
          ExporterAttrsDeprecated: attributes,
          Exporters: [{ Type: kind, Attrs: attributes }],
        }),
  };
}

function frontendInputsOf({ dockerfile, filename }: SolveInput, session: string): Record<string, Definition> {
  if (!('text' in dockerfile)) return {};
  return { context: contextInput(session), dockerfile: dockerfileInput(filename, dockerfile.text) };
}

/** Attributes of moby/buildkit README, "Registry": `max` has the layers of all steps, also of stages that are in no image. */
function cacheOptionsOf({ cacheTag }: SolveInput): MessageInitShape<typeof CacheOptionsSchema> {
  if (cacheTag === undefined) return {};
  const exported = { ref: cacheTag, mode: 'max', 'ignore-error': 'true', 'oci-mediatypes': 'true' };
  return { Exports: [{ Type: 'registry', Attrs: exported }], Imports: [importOf(cacheTag)] };
}

function importOf(ref: string): { readonly Type: string; readonly Attrs: { readonly ref: string } } {
  return { Type: 'registry', Attrs: { ref } };
}

function entitlementsOf({ network, entitlements = [] }: SolveInput): string[] {
  return [...new Set([...(network === 'host' ? ['network.host'] : []), ...entitlements])];
}

/** A frontend without this ability refuses the build, or passes it on to the one that the Dockerfile selects (builder/caps.go). */
const contextsAbility = 'moby.buildkit.frontend.contexts+forward';

function frontendAttributesOf(input: SolveInput): Record<string, string> {
  const { namedContexts = {}, dockerfile } = input;
  return {
    filename: input.filename,
    ...('key' in dockerfile ? { dockerfilekey: dockerfile.key } : {}),
    platform: input.platform,
    ...(input.target === undefined ? {} : { target: input.target }),
    ...(input.noCache ? { 'no-cache': '' } : {}),
    ...(input.network === 'default' ? {} : { 'force-network-mode': input.network }),
    ...prefixed('build-arg:', input.args),
    ...prefixed('label:', input.labels),
    ...prefixed('context:', namedContexts),
    // The frontend imports the cache, from this copy of the request (moby/buildkit client/solve.go, parseCacheOptions).
    ...(input.cacheTag === undefined ? {} : { 'cache-imports': JSON.stringify([importOf(input.cacheTag)]) }),
    ...(Object.keys(namedContexts).length === 0 ? {} : { 'frontend.caps': contextsAbility }),
    ...input.attributes,
  };
}

function prefixed(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]));
}
