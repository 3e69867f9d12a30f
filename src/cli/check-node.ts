// The first code that runs. Compiled for Node 10, so that old versions of Node get as far as the message.

/** As in package.json, and in `target` of scripts/build.mjs. */
const oldestMajor = 20;

const { versions, execPath } = process;
if (Number.parseInt(versions.node, 10) < oldestMajor) {
  process.stderr.write(
    `error: tasks needs Node ${oldestMajor} or newer, but ${execPath} is Node ${versions.node}: install a newer one\n`,
  );
  process.exit(3);
}
