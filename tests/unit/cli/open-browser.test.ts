import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { browserCommand } from '../../../src/cli/open-browser.ts';

const test = suite('cli/open-browser');

test('each system has its own command, and the URL is one word of it', () => {
  const url = 'http://127.0.0.1:1/a&b/';
  assert.equal(browserCommand(url, 'linux'), ['xdg-open', url]);
  assert.equal(browserCommand(url, 'darwin'), ['open', url]);
  assert.equal(browserCommand(url, 'win32'), ['cmd', '/c', 'start', '', url]);
});

test.run();
