/** The versions of the formats that outlive a run. `tasks --version --json` prints them. */
export const schemas = {
  /** Part of every key. Increase it when the lines of a manifest change their meaning: older results are then not reused. */
  key: 5,
  /** JSON documents: increase one when a field goes away or changes its meaning. New fields do not count. */
  plan: 1,
  events: 1,
  graph: 1,
  /** In every release file. Files of older versions are still read. */
  release: 2,
} as const;
