import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('docs');

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'bench/README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsIn(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));
}

test('files of the repository that docs name exist', () => {
  const missing = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\b(?:src|tests|scripts|bench|docs|schema|images)\/[\w./-]*\w/g)]
      .map(([name]) => name)
      // Placeholders, as in `src/cli/commands/NAME.ts`.
      .filter((name) => /\.(ts|mjs|cjs|md|json)$/.test(name) && !name.includes('NAME'))
      .filter((name) => !existsSync(name))
      .map((name) => `${file}: ${name}`),
  );
  assert.equal(missing, []);
});

test('links between pages lead somewhere', () => {
  const broken = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
      .filter(([, name, anchor]) => {
        const target = name === '' ? file : path.join(path.dirname(file), name!);
        return !existsSync(target) || (anchor !== undefined && !anchorsIn(target).includes(anchor));
      })
      .map(([link]) => `${file}: ${link}`),
  );
  assert.equal(broken, []);
});

test.run();
