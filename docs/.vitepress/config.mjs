import { defineConfig } from 'vitepress';
import { declarations } from './declarations.mjs';
import { fileNames } from './file-names.mjs';
import { navigation } from './navigation.mjs';
import { siteLinks } from './site-links.mjs';
import { slug } from './slug.mjs';

export default defineConfig({
  title: 'tasks',
  description: 'Builds matrices of versioned container images, and only what changed.',
  // An empty icon: browsers ask every server for /favicon.ico otherwise.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    anchor: { slugify: slug },
    config: (md) => md.use(siteLinks).use(declarations).use(fileNames),
  },
  themeConfig: {
    nav: navigation.map(({ text, items, match }) => ({ text, link: items[0].link, activeMatch: match })),
    sidebar: navigation,
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        miniSearch: {
          // A name such as TASKS_OUT is one word.
          options: { tokenize: (text) => text.split(/[^\p{L}\p{N}_]+/u) },
          // Names of fields, flags and variables are found as they are written.
          searchOptions: { fuzzy: 0.1, prefix: true, boost: { title: 8, text: 2, titles: 1 } },
        },
      },
    },
  },
});
