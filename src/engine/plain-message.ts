/**
 * What engines put before the reason of a failure: the program of a RUN instruction, which the Dockerfile shows, and steps of their
 * own work, which mean nothing to people (moby/buildkit solver, frontend/dockerfile; docker 20.10 to 26.1).
 */
const prefixes = [
  /^process ".*" did not complete successfully: /s,
  /^executor failed running \[.*\]: /s,
  /^failed to (?:compute cache key|calculate checksum of ref \S+|load cache key): /,
  /^failed to (?:create LLB definition|do request|resolve source metadata for \S+): /,
  /^rpc error: code = \w+ desc = /,
];

/** Returns an engine's message without its wrapping, as the engine words it. */
export function unwrapMessage(message: string): string {
  const prefix = prefixes.find((each) => each.test(message));
  return prefix === undefined ? message : unwrapMessage(message.replace(prefix, ''));
}

/** Returns an engine's message for people. */
export function plainMessage(message: string): string {
  return unwrapMessage(message).replace(/("[^"]*")(?:: not found| not found: not found)$/, '$1 not found');
}
