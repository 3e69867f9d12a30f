import { command, image } from 'image-tasks';

export const pages = command({
  name: 'pages',
  description: 'HTML pages, made from text',
  run: ['./make-pages', 'text'], // a program and its arguments; no shell
  inputs: ['text/*.txt'],
});

export const web = image({
  name: 'web',
  description: 'The pages and a style sheet',
  context: 'web',
  needs: { pages }, // a folder of this name in the build context
});
