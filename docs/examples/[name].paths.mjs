// A page for each example: its README, which a test keeps true, and its files.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { exampleNames, examplesFolder } from '../.vitepress/examples.mjs';

const languages = { ts: 'ts', mjs: 'js', hcl: 'hcl', json: 'json', yml: 'yaml', css: 'css', sh: 'sh' };

function languageOf(name, text) {
  if (path.basename(name) === 'Dockerfile') return 'dockerfile';
  return languages[path.extname(name).slice(1)] ?? (text.startsWith('#!') ? 'sh' : 'text');
}

function pageOf(name) {
  const folder = path.join(examplesFolder, name);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name: file }) => path.relative(folder, path.join(parentPath, file)))
    .filter((file) => file !== 'README.md' && !/^(\.cache|node_modules)\//.test(file))
    .sort();
  // Files stand below on the same page, so links to them are only names.
  const readme = readFileSync(path.join(folder, 'README.md'), 'utf8')
    .replace(/\[([^\]]+)\]\(([^)]+)\)/g, (link, text, target) =>
      files.includes(target) ? `\`${text}\`` : link,
    )
    .replaceAll('](../../docs/', '](../')
    .replace(/\]\(\.\.\/([\w-]+)\)/g, (link, other) =>
      exampleNames.includes(other) ? `](${other}.md)` : link,
    );
  const blocks = files.map((file) => {
    const text = readFileSync(path.join(folder, file), 'utf8');
    return `\`\`\`\`${languageOf(file, text)} [${file}]\n${text.trimEnd()}\n\`\`\`\``;
  });
  return [readme, '## Files', ...blocks].join('\n\n');
}

export default {
  watch: ['../../examples/**'],
  paths: () => exampleNames.map((name) => ({ params: { name }, content: pageOf(name) })),
};
