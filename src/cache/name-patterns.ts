/**
 * The names of files and folders that tasks creates in `.cache`. Only files with such a name are removed: a folder of `.cache`
 * may be a link to a folder with other files.
 */

const suffix = String.raw`\.(broken|clock|\d+(-[0-9a-f]{8})?|[0-9a-f]{16}\.part)`;
const value = String.raw`v1%3a[\w.%-]+`;
const compiled = String.raw`[0-9a-f]{16}\.(js|mjs)(\.map)?`;
const state = String.raw`(memo|traces|records\.pack)`;

/** A stored value that is being written, or that was damaged and set aside. */
export const unfinishedValueName = new RegExp(`^${value}${suffix}$`);
export const valueName = new RegExp(`^(?!.*${suffix}$)${value}$`);
/** A folder of files that a command produced: the task's key. */
export const keyFolderName = /^[0-9a-f]{64}$/;
/** A task's working folder: the start of its key, and a random suffix. */
export const workFolderName = /^[0-9a-f]{12}-\w{6}$/;
export const logFileName = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z(-\d+)?\.log$/;
/** The mark of a log that is open, or was when its process was killed. */
export const logMarkName = new RegExp(`${logFileName.source.slice(0, -1)}\\.open$`);
/** A compiled definition file, or a temporary file of one. */
export const definitionFileName = new RegExp(`^(${compiled}|(${compiled}|index\\.json)${suffix})$`);
/** A temporary file of the state files in `.cache` itself. */
export const unfinishedStateName = new RegExp(`^${state}${suffix}$`);
