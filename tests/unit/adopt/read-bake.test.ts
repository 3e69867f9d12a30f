import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBake } from '../../../src/adopt/read-bake.ts';
import { readCompose } from '../../../src/adopt/read-compose.ts';

const test = suite('files of bake and compose');
const read = (file: object, ...names: string[]) => readBake(JSON.stringify(file), { file: 'b.json', names });
const namesOf = (file: object, ...names: string[]): string[] =>
  read(file, ...names).targets.map(({ name }) => name);

test('the group default, or else all targets; groups of groups; contexts that are targets', () => {
  const target = { a: {}, b: { contexts: { x: 'target:c' } }, c: {}, _base: {} };
  assert.equal(namesOf({ target }), ['a', 'b', 'c']);
  assert.equal(namesOf({ target, group: { default: { targets: ['b'] } } }), ['b', 'c']);
  const group = [{ default: [{ targets: ['all'] }], all: [{ targets: ['a', 'all'] }] }];
  assert.equal(namesOf({ target, group }), ['a']);
  assert.equal(namesOf({ target, group }, 'c', 'all'), ['c', 'a']);
  assert.throws(() => read({ target }, 'x'), /b\.json has no target or group x; it has a, b, c$/);
});

test('targets inherit fields; args, labels and contexts are merged', () => {
  const target = {
    common: { args: { A: '1', B: '1' }, tags: ['t:1'], target: 'x' },
    app: { inherits: ['common'], args: { B: '2' }, tags: ['t:2'] },
  };
  const [app] = read({ target }, 'app').targets;
  assert.equal([app!.args, app!.tags, app!.target], [{ A: '1', B: '2' }, ['t:2'], 'x']);
  assert.throws(
    () => read({ target: { a: { inherits: ['b'] }, b: { inherits: ['a'] } } }),
    /a inherits b inherits a/,
  );
  assert.throws(() => read({ target: { a: { inherits: ['b'] } } }), /a inherits b, which does not exist/);
});

test('doubled $ and % are texts, and what only bake evaluates is listed', () => {
  const { targets, omissions } = read({ target: { a: { args: { A: '$${x} %%{y}', B: '${z}' } } } });
  assert.equal(targets[0]!.args, { A: '${x} %{y}', B: '${z}' });
  assert.equal(omissions, [{ place: 'b.json › a', what: 'what only bake evaluates: ${z}' }]);
});

test('a context outside of the project is listed, an address too', () => {
  const { targets, omissions } = read({
    target: { a: { context: '../x' }, b: { context: 'https://h/r.git' }, c: { context: './c/' } },
  });
  assert.equal(
    targets.map(({ context, dockerfile }) => [context, dockerfile]),
    [['c', 'c/Dockerfile']],
  );
  assert.is(omissions.length, 2);
});

test('attestations and annotations of images are read, and others are listed', () => {
  const target = {
    app: {
      attest: ['type=provenance,mode=max,builder-id=x', { type: 'sbom', generator: 'scan:1' }, 'type=other'],
      annotations: ['a=1', 'manifest:b=x=y', 'index,manifest:c=3', 'manifest[linux/amd64]:d=4', 'e'],
    },
    plain: { attest: ['type=provenance', 'type=sbom'] },
    none: {
      attest: ['type=provenance,mode=max', 'type=provenance,disabled=true', 'type=sbom,disabled=true'],
    },
  };
  const { targets, omissions } = read({ target });
  assert.equal(
    targets.map(({ options }) => options.attest),
    [{ provenance: 'max', sbom: 'scan:1' }, { provenance: 'min', sbom: true }, undefined],
  );
  assert.equal(targets[0]!.annotations, { a: '1', b: 'x=y' });
  assert.equal(
    omissions.map(({ what }) => what),
    [
      'annotations of index,manifest',
      'annotations of manifest[linux/amd64]',
      'the annotation e',
      'attest provenance option builder-id',
      'attest type=other',
    ],
  );
});

test('compose: variables as compose replaces them, and secrets', () => {
  const text = `services:
  app:
    image: $REPO/app:\${TAG:?}
    build:
      context: .
      args: [ "A=\${A-a}", "B=\${B:-b}", "C=\${C+c}", "D=$$D", E ]
      secrets: [ token, { source: pem, target: key }, other ]
      additional_contexts: [ "base=service:base", "up=../x" ]
secrets:
  token: { environment: TOKEN }
  pem: { file: ./k.pem }
`;
  const variables = { REPO: 'team', TAG: '1', B: '', C: 'set' };
  const { targets, omissions } = readCompose(text, { file: 'c.yml', names: [], folder: 'deploy', variables });
  const [app] = targets;
  assert.equal(app!.tags, ['team/app:1']);
  assert.equal(app!.args, { A: 'a', B: 'b', C: 'c', D: '$D' });
  assert.equal([app!.context, app!.dockerfile], ['deploy', 'deploy/Dockerfile']);
  assert.equal(app!.contexts, { base: 'target:base', up: 'x' });
  assert.equal(app!.options.secrets, { token: { env: 'TOKEN' }, key: { file: 'deploy/k.pem' } });
  assert.equal(
    omissions.map(({ what }) => what),
    [
      'the secret other, which is neither a file nor a variable',
      'the arg E, whose value is in the environment',
    ],
  );
  assert.throws(
    () => readCompose(text, { file: 'c.yml', names: ['db'], variables }),
    /c\.yml has no service db; it has app/,
  );
});

test.run();
