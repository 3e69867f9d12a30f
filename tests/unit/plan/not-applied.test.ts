import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { PlanInput } from '../../../src/plan/input.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { planText } from '../../../src/report/plan.ts';
import { graphOf } from '../../support/graphs.ts';
import { everythingBuilt } from '../../support/plan-inputs.ts';

const test = suite('plan: attestations and annotations');

const app = image({
  name: 'app',
  versions: ['1', '2'],
  context: 'a',
  attest: { provenance: 'min' },
  annotations: { a: 'b' },
});
const detail = 'attest and annotations of app: a docker engine does not apply them; build with --builder';

function inputOf(existing: boolean, more: Partial<PlanInput> = {}): PlanInput {
  const input = { ...everythingBuilt(graphOf({ app })), ...more };
  return existing ? input : { ...input, existing: { ...input.existing, records: new Map(), images: [] } };
}
const codes = (input: PlanInput): string[][] =>
  [...makePlan(input).steps.values()].map(({ reasons }) => reasons.map(({ code }) => code));

test('an image that an engine builds says that they are not applied, and builds for no other reason', () => {
  assert.equal(codes(inputOf(false)), [
    ['not-built', 'not-applied'],
    ['not-built', 'not-applied'],
  ]);
  assert.equal(codes(inputOf(true)), [['up-to-date'], ['up-to-date']]);
});

test('a builder applies them', () => {
  assert.equal(codes(inputOf(false, { registryOnly: true })), [['not-built'], ['not-built']]);
});

test('the plan says it once for all versions', () => {
  const lines = planText(makePlan(inputOf(false)), makePaint(false), {
    verbose: false,
    columns: 80,
    outlook: undefined,
  });
  assert.equal(
    lines.filter((line) => line.includes('attest')),
    [`note ${detail}`],
  );
});

test.run();
