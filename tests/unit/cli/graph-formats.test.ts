import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseFormat } from '../../../src/cli/graph-formats.ts';
import { TasksError } from '../../../src/model/errors.ts';

const test = suite('cli/graph-formats');

test('the format is that of --format, or of the extension of --output, or a tree', () => {
  assert.is(chooseFormat({}), 'tree');
  assert.is(chooseFormat({ output: 'dir.d/graph' }), 'tree');
  assert.is(chooseFormat({ output: 'graph.SVG' }), 'svg');
  assert.is(chooseFormat({ output: 'graph.gv' }), 'dot');
  assert.is(chooseFormat({ output: 'graph.pdf', format: 'svg' }), 'svg');
});

test('an unknown format or extension is exit code 2, and names the formats', () => {
  for (const flags of [{ output: 'graph.pdf' }, { format: 'pdf' }, { format: 'pdf', output: 'graph.svg' }])
    try {
      chooseFormat(flags);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TasksError);
      const { exitCode, message, hint } = error as TasksError;
      assert.is(exitCode, 2);
      assert.match(message, 'pdf');
      assert.match(hint!, /tree.*dot.*mermaid.*svg.*html.*json/);
    }
});

test.run();
