import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('pages of documentation');

/** Files in the tree, new ones included. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => existsSync(file));
const pages = files.filter((file) =>
  /^[A-Z]+\.md$|^docs\/(?:[\w-]+\/)*[^/]+\.md$|^(bench|images|examples|examples\/[^/]+)\/README\.md$/.test(
    file,
  ),
);

/** What pages name and what is not in the repository, and why. */
const elsewhere: Readonly<Record<string, string>> = {
  'docs/.vitepress/dist': '`npm run docs` writes it',
  'tasks/lock.json': '`tasks lock` writes it',
};

/** Pages on the projects of their readers: paths in them are not of this repository. */
const isOnOtherProjects = (file: string): boolean => /^docs\/(guide|migrate|recipes)\//.test(file);

/** Returns a page without its examples, which may be about other projects. */
function prose(file: string): string {
  return readFileSync(file, 'utf8').replace(/^```[\s\S]*?^```/gm, '');
}

/** Whether something in the tree has this path. `*` and `NAME` stand for any name. */
function isInTree(name: string): boolean {
  const pattern = name
    .replace('NAME', '*')
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const form = new RegExp(`^${pattern.join('[^/]*')}(/|$)`);
  return files.some((file) => form.test(file));
}

test('every path that a page names exists', () => {
  const missing = pages
    .filter((file) => !isOnOtherProjects(file))
    .flatMap((file) => {
      const text = prose(file);
      const below = text.matchAll(
        /(?<![\w./-])(?:src|tests|docs|scripts|images|tasks|schema|bench|\.ci)\/[\w./*@-]*\w/g,
      );
      const sources = text.matchAll(/(?<=`)[\w./-]+\.(?:ts|mjs|cjs|css)(?=`)/g);
      return [
        ...[...below].map(([name]) => name).filter((name) => !isInTree(name) && !(name in elsewhere)),
        ...[...sources]
          .map(([name]) => name)
          .filter((name) => !name.includes('NAME') && !files.some((each) => `/${each}`.endsWith(`/${name}`))),
      ].map((name) => `${file}: ${name}`);
    });
  assert.equal([...new Set(missing)], []);
});

test('every entry of the package that a page names exists', () => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, unknown>;
  };
  const names = pages.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\bimage-tasks\/([\w./*-]*\w)/g)].map(([, name]) => name!),
  );
  assert.ok(names.includes('api'));
  const isExported = (name: string): boolean =>
    `./${name}` in exports || (name.startsWith('schema/') && isInTree(name));
  assert.equal(
    names.filter((name) => !isExported(name)),
    [],
  );
});

/** The anchors of a page, as GitHub makes them from headings. */
function anchors(file: string): string[] {
  const used = new Map<string, number>();
  return [...prose(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const plain = heading!.replace(/\[(.*?)\]\(.*?\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    const count = used.get(anchor) ?? 0;
    used.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

test('every link between pages leads somewhere', () => {
  const broken = pages.flatMap((file) =>
    [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [name = '', anchor] = target.split('#');
        const linked = name === '' ? file : path.normalize(path.join(path.dirname(file), name));
        if (!existsSync(linked)) return true;
        return anchor !== undefined && !anchors(linked).includes(anchor);
      })
      .map((target) => `${file}: ${target}`),
  );
  assert.equal(broken, []);
});

test('no page names the host of a registry', () => {
  const hosts =
    /\b(?:registry-1\.docker\.io|index\.docker\.io|docker\.io\/|hub\.docker\.com|ghcr\.io|quay\.io|gcr\.io|[\w-]+\.pkg\.dev|[\w.-]+\.azurecr\.io|mcr\.microsoft\.com|[\w.-]+\.ecr\.|registry\.gitlab\.com|registry\.npmjs\.org)/g;
  const found = pages.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(hosts)].map(([host]) => `${file}: ${host}`),
  );
  assert.equal(found, []);
});

test.run();
