/**
 * Names that we give to what stands in `.cache`. A folder in it may be a link to a roomy disk, where other things stand, too:
 * what has no such name is not ours, and is never removed.
 */

const part = String.raw`\.(broken|clock|\d+(-[0-9a-f]{8})?|[0-9a-f]{16}\.part)`;
const value = String.raw`v1%3a[\w.%-]+`;
const compiled = String.raw`[0-9a-f]{16}\.(js|mjs)(\.map)?`;
const state = String.raw`(memo|traces|records\.pack)`;

/** What a value that is being written, or that was set aside, looks like. */
export const unfinishedValueName = new RegExp(`^${value}${part}$`);
export const valueName = new RegExp(`^(?!.*${part}$)${value}$`);
/** Files that commands made, by their task's key. */
export const keyFolderName = /^[0-9a-f]{64}$/;
/** A folder that a task works in: the start of its key, and what makes it new. */
export const workFolderName = /^[0-9a-f]{12}-\w{6}$/;
export const logFileName = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z(-\d+)?\.log$/;
/** Compiled definitions, and what was being written of them. */
export const definitionFileName = new RegExp(`^(${compiled}|(${compiled}|index\\.json)${part})$`);
/** What was being written of the state that stands in `.cache` itself. */
export const unfinishedStateName = new RegExp(`^${state}${part}$`);
