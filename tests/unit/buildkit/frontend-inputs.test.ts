import { fromBinary } from '@bufbuild/protobuf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { contextInput, type Definition, dockerfileInput } from '../../../src/buildkit/frontend-inputs.ts';
import { OpSchema } from '../../../src/buildkit/proto/definition_pb.js';
import { sha256 } from '../../../src/disk/sha256.ts';

const test = suite('frontend inputs');

const opOf = ({ def }: Definition) => fromBinary(OpSchema, def![0]!);
const digestOf = ({ def }: Definition): string => `sha256:${sha256(def![0]!)}`;

test('a definition ends with an operation that has the first one as its input, by digest', () => {
  for (const definition of [contextInput('s'), dockerfileInput('Dockerfile', Buffer.from('FROM x'))]) {
    const [, last] = definition.def!;
    const { inputs, source, file } = fromBinary(OpSchema, last!);
    assert.equal(
      [inputs.map(({ digest }) => digest), source, file],
      [[digestOf(definition)], undefined, undefined],
    );
    assert.equal(Object.keys(definition.metadata!), [digestOf(definition)]);
  }
});

test('steps have the names that frontends give them', () => {
  const nameOf = ({ metadata }: Definition): string | undefined =>
    Object.values(metadata!)[0]!.description!['llb.customname'];
  assert.is(nameOf(contextInput('s')), '[internal] load build context');
  assert.is(nameOf(dockerfileInput('a.df', Buffer.from(''))), '[internal] load build definition from a.df');
});

test('contexts of different sessions are different operations: engines run equal ones once', () => {
  assert.is.not(digestOf(contextInput('one')), digestOf(contextInput('two')));
  assert.is(digestOf(contextInput('one')), digestOf(contextInput('one')));
  assert.equal(
    [opOf(contextInput('one')).source!.identifier, opOf(contextInput('one')).source!.attrs['local.session']],
    ['local://context', 'one'],
  );
});

test('a Dockerfile is a file in an empty folder, byte for byte', () => {
  const text = Uint8Array.from([0xff, 0, 13, 10, 0x80]);
  const { inputs, file } = opOf(dockerfileInput('my.Dockerfile', text));
  const [action] = file!.actions;
  assert.equal(inputs, []);
  assert.equal([action!.input, action!.secondaryInput, action!.output], [-1n, -1n, 0n]);
  assert.is(action!.mkfile!.path, '/my.Dockerfile');
  assert.equal([...action!.mkfile!.data], [...text]);
  const other = Uint8Array.from(text).fill(1, 4);
  assert.is.not(
    digestOf(dockerfileInput('my.Dockerfile', text)),
    digestOf(dockerfileInput('my.Dockerfile', other)),
  );
});

test.run();
