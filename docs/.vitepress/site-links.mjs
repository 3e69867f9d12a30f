import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Pages that stand elsewhere in the repository, and the pages of the site that include them. */
const included = new Map([
  ['bench/README.md', 'benchmarks.md'],
  ['CONTRIBUTING.md', 'contributing.md'],
  ['CHANGELOG.md', 'changelog.md'],
  ['examples/README.md', 'examples/index.md'],
  ['images/README.md', 'images.md'],
]);

/** A plug-in of markdown-it: links between files of the repository lead to pages of the site, or nowhere if there is no such page. */
export function siteLinks(md) {
  md.core.ruler.push('site-links', ({ tokens }) => {
    for (const { children } of tokens) {
      let tag = 'a';
      for (const token of children ?? []) {
        if (token.type === 'link_open') {
          const link = siteLink(token.attrGet('href'));
          tag = link === undefined ? 'span' : 'a';
          if (link === undefined) token.attrs = token.attrs.filter(([name]) => name !== 'href');
          else token.attrSet('href', link);
        }
        if (token.type.startsWith('link_')) token.tag = tag;
      }
    }
  });
}

function siteLink(target) {
  const [, name, anchor = ''] = /^(?:\.\.\/)*([^#:]*)(#.*)?$/.exec(target) ?? [];
  if (!name) return target;
  if (included.has(name)) return `/${included.get(name)}${anchor}`;
  const [, example] = /^examples\/([\w-]+)\/README\.md$/.exec(name) ?? [];
  if (example !== undefined) return `/examples/${example}.md${anchor}`;
  if (name.startsWith('docs/')) return `/${name.slice('docs/'.length)}${anchor}`;
  const isSource = /[./]/.test(name) && existsSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)));
  return isSource || /^(?:\.\.\/)+(?:tasks|src|tests|scripts)$/.test(target) ? undefined : target;
}
