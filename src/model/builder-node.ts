/** One endpoint of a builder. Tasks are placed on nodes; what a task makes does not depend on where it is built. */
export interface BuilderNode {
  /** Its name in the builder: unique, stable between runs, shown to people. */
  readonly name: string;
  /** The platforms that it runs programs for, by emulation, too; normalized. */
  readonly platforms: readonly string[];
  /** The platform of its machine, normalized. */
  readonly native: string;
  /** How many tasks it may build at once. */
  readonly jobs: number;
}
