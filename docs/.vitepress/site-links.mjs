/** Pages that stand elsewhere in the repository, and the pages of the site that include them. */
const included = new Map([
  ['bench/README.md', 'benchmarks.md'],
  ['CONTRIBUTING.md', 'contributing.md'],
  ['CHANGELOG.md', 'changelog.md'],
]);

/** A plug-in of markdown-it: links between files of the repository lead to pages of the site. */
export function siteLinks(md) {
  md.core.ruler.push('site-links', ({ tokens }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const target = token.type === 'link_open' ? token.attrGet('href') : null;
      if (target !== null) token.attrSet('href', siteLink(target));
    }
  });
}

function siteLink(target) {
  const [, name, anchor = ''] = /^(?:\.\.\/)*([^#]*)(#.*)?$/.exec(target) ?? [];
  if (name === undefined) return target;
  if (included.has(name)) return `/${included.get(name)}${anchor}`;
  const [, example] = /^examples\/([\w-]+)\/README\.md$/.exec(name) ?? [];
  if (example !== undefined) return `/examples/${example}.md${anchor}`;
  return name.startsWith('docs/') ? `/${name.slice('docs/'.length)}${anchor}` : target;
}
