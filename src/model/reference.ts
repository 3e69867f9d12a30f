const hub = 'docker.io';
/** A host with a port (or in brackets), a path, a tag. */
const form = /^((?:(?:\[[0-9a-fA-F:]+\](?::\d+)?|[^@\s:/]+:\d+)\/)?[^@\s:]+)(?::(\w[\w.-]{0,127}))?$/;

/**
 * Returns the full form of an image name, with host, repository and tag: `docker.io/library/debian:latest` for `debian`.
 * Returns undefined for a name with a digest or an invalid name.
 */
export function normalizeReference(reference: string): string | undefined {
  const [, name, tag = 'latest'] = form.exec(reference) ?? [];
  if (name === undefined) return undefined;
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(0, slash));
  // The same rule that docker uses to tell a host from the first part of a repository.
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const [host, path] = isHost ? [first.toLowerCase(), name.slice(slash + 1)] : [hub, name];
  if (host !== hub && host !== `index.${hub}`) return `${host}/${path}:${tag}`;
  return `${hub}/${path.includes('/') ? path : `library/${path}`}:${tag}`;
}

/**
 * Returns the name by which BuildKit looks up a named context for an image or stage name: docker's short form without the tag
 * `latest`, `alpine` for `docker.io/library/alpine:latest`. Names with a digest are returned unchanged.
 */
export function contextName(reference: string): string {
  const full = normalizeReference(reference);
  if (full === undefined) return reference;
  return full.replace(/^docker\.io\/(library\/)?/, '').replace(/:latest$/, '');
}

/** Returns `host:5000/debian` for `host:5000/debian:12`. */
export function withoutTag(reference: string): string {
  return reference.replace(/:[^/:]*$/, '');
}

/** Returns the host of the registry that an image comes from, `docker.io` if it names none. Undefined if it is not a valid name. */
export function registryHostOf(reference: string): string | undefined {
  return normalizeReference(reference.replace(/@.*/, ''))?.split('/')[0];
}
