// What a frontend is given with the request, as graphs in LLB (moby/buildkit solver/pb/ops.proto, client/llb/source.go), so that it does
// not ask the session for it. See "A build's context and Dockerfile go with the request" in docs/design-notes.md.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { sha256 } from '../disk/sha256.ts';
import { encode } from './grpc/messages.ts';
import { type DefinitionSchema, OpSchema } from './proto/definition_pb.js';

export type Definition = MessageInitShape<typeof DefinitionSchema>;

/** Where an empty folder is meant instead of the result of another operation. */
const none = -1n;

/**
 * The folder `context` of a session. Engines run equal operations of concurrent builds once, so it must name the session: the contexts
 * of other sessions differ.
 */
export function contextInput(session: string): Definition {
  const attrs = { 'local.session': session, 'local.sharedkeyhint': 'context' };
  return definitionOf({ source: { identifier: 'local://context', attrs } }, 'load build context');
}

/** A folder with a Dockerfile. Nothing is transferred: the text is in the operation. */
export function dockerfileInput(filename: string, text: Uint8Array): Definition {
  const mkfile = { path: `/${filename}`, mode: 0o644, data: text };
  const actions = [{ input: none, secondaryInput: none, output: 0n, mkfile }];
  return definitionOf({ file: { actions } }, `load build definition from ${filename}`);
}

/** `name`: what the step is called, as frontends call it. */
function definitionOf(op: MessageInitShape<typeof OpSchema>, name: string): Definition {
  const encoded = encode(OpSchema, op);
  const digest = `sha256:${sha256(encoded)}`;
  return {
    def: [encoded, encode(OpSchema, { inputs: [{ digest }] })],
    metadata: { [digest]: { description: { 'llb.customname': `[internal] ${name}` } } },
  };
}
