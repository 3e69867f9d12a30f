// Plans, builds and reports: node report.mjs [SELECTOR…]
import { build, open, plan } from 'image-tasks/api';

const selectors = process.argv.slice(2);
const project = await open({ directory: import.meta.dirname, env: process.env });

const { tasks } = await plan(project, { selectors });
for (const { id, action, reasons } of tasks)
  console.log(`${id}: ${action}, ${reasons.map(({ detail }) => detail).join('; ')}`);

const { outcome, tags } = await build(project, {
  selectors,
  jobs: 1,
  suffix: '', // tags without a time
  onEvent: (event) => {
    if (event.type === 'task-finished' && event.outcome === 'built') console.log(`${event.id} is built`);
  },
});
console.log(`${outcome}: ${tags.join(' ')}`);
process.exitCode = outcome === 'ok' ? 0 : 1;
