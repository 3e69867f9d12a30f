import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CommandFields, ImageFields } from '../../../src/define/types.ts';
import { type CommandValues, fieldNames, type ImageValues } from '../../../src/graph/fields.ts';

const test = suite('definition fields');

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** Fields that are resolved before the others are checked. */
type Resolved = 'name' | 'versions' | 'needs' | 'after';

// Checked by the compiler: a field that definitions may have is checked, and a field that is checked can be written.
const imageFieldsAreChecked: Same<Exclude<keyof ImageFields<string>, Resolved>, keyof ImageValues> = true;
const commandFieldsAreChecked: Same<
  Exclude<keyof CommandFields<string>, Resolved>,
  keyof CommandValues
> = true;

test('the fields that definitions may have are the fields that are checked', () => {
  assert.equal([imageFieldsAreChecked, commandFieldsAreChecked], [true, true]);
  assert.ok(fieldNames('image').includes('context'));
  assert.ok(fieldNames('command').includes('run'));
});

test.run();
