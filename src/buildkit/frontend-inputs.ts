// Frontend inputs: definitions in LLB (moby/buildkit solver/pb/ops.proto, client/llb/source.go) that a solve request contains, so that
// the frontend does not request them from the session. See "The context and the Dockerfile are frontend inputs" in
// docs/design-notes.md.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { sha256 } from '../disk/sha256.ts';
import { encode } from './grpc/messages.ts';
import { type DefinitionSchema, OpSchema } from './proto/definition_pb.js';

export type Definition = MessageInitShape<typeof DefinitionSchema>;

/** The number of an input that an action does not have: it starts with an empty folder. */
const none = -1n;

/**
 * Returns the folder `context` of a session. BuildKit runs equal operations of concurrent builds once, so the operation names the
 * session: other sessions have other contexts.
 */
export function contextInput(session: string): Definition {
  const attrs = { 'local.session': session, 'local.sharedkeyhint': 'context' };
  return definitionOf({ source: { identifier: 'local://context', attrs } }, 'load build context');
}

/** Returns a folder with a Dockerfile. The operation contains the text, so nothing is transferred. */
export function dockerfileInput(filename: string, text: Uint8Array): Definition {
  const mkfile = { path: `/${filename}`, mode: 0o644, data: text };
  const actions = [{ input: none, secondaryInput: none, output: 0n, mkfile }];
  return definitionOf({ file: { actions } }, `load build definition from ${filename}`);
}

/** `name`: the name of the step in the progress, as frontends name it. */
function definitionOf(op: MessageInitShape<typeof OpSchema>, name: string): Definition {
  const encoded = encode(OpSchema, op);
  const digest = `sha256:${sha256(encoded)}`;
  return {
    def: [encoded, encode(OpSchema, { inputs: [{ digest }] })],
    metadata: { [digest]: { description: { 'llb.customname': `[internal] ${name}` } } },
  };
}
