import { exampleNames, exampleTitle } from './examples.mjs';

/** The pages of the site, in their order. A test fails for a page that is missing here. */
export const navigation = [
  section('Guide', '^/guide', [
    ['Why', '/guide/why'],
    ['A first project', '/guide/start'],
    ['Needs and base images', '/guide/needs'],
    ['Matrices', '/guide/matrices'],
    ['Commands and files', '/guide/commands'],
    ['Tests', '/guide/tests'],
    ['Keys and why', '/guide/keys'],
    ['Releases', '/guide/releases'],
    ['CI', '/guide/ci'],
    ['Platforms', '/guide/platforms'],
    ['Other engines', '/guide/engines'],
    ['Several machines', '/guide/several-machines'],
    ['Secrets and SSH', '/guide/secrets'],
    ['Troubleshooting', '/guide/troubleshooting'],
  ]),
  section('Migration', '^/migrate', [
    ['From a Makefile', '/migrate/makefile'],
    ['From bake', '/migrate/bake'],
    ['From compose', '/migrate/compose'],
    ['From Turborepo scripts', '/migrate/turborepo'],
  ]),
  section('Recipes', '^/(recipes|images)', [
    ['The Citus images', '/recipes/citus'],
    ['The Citus images in detail', '/images'],
    ['A matrix of extensions', '/recipes/extension-matrix'],
    ['Language runtimes', '/recipes/languages'],
    ['Runners per architecture', '/recipes/runners'],
    ['Sign with cosign', '/recipes/cosign'],
  ]),
  section('Examples', '^/examples', [
    ['Overview', '/examples/'],
    ...exampleNames.map((name) => [exampleTitle(name), `/examples/${name}`]),
  ]),
  section('Reference', '^/reference', [
    ['Overview', '/reference'],
    ['Definitions', '/reference/definitions'],
    ['Selectors', '/reference/selectors'],
    ['Commands', '/reference/commands'],
    ['Environment variables', '/reference/environment'],
    ['Tags', '/reference/tags'],
    ['Exit codes', '/reference/exit-codes'],
    ['JSON output', '/reference/json'],
    ['Files in .cache', '/reference/cache'],
    ['Node API', '/reference/api'],
  ]),
  section('Design', '^/(architecture|design-notes|glossary|scale|benchmarks|contributing|changelog)', [
    ['Architecture', '/architecture'],
    ['Design notes', '/design-notes'],
    ['Glossary', '/glossary'],
    ['Benchmarks', '/benchmarks'],
    ['Scale', '/scale'],
    ['Contributing', '/contributing'],
    ['Changes', '/changelog'],
  ]),
];

function section(text, match, pages) {
  return { text, match, items: pages.map(([title, link]) => ({ text: title, link })) };
}
