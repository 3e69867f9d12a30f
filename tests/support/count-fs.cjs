// `node --require count-fs.cjs`: notes what a program asks of the disk, which programs it starts and which of Node's modules it
// loads; written as JSON, at its end, to the file that COUNT_FS names.
const childProcess = require('node:child_process');
const fs = require('node:fs');

const counts = { read: [], bytes: 0, lstat: 0, stat: 0, readdir: 0, opened: 0, write: [], spawn: [] };
const { writeFileSync } = fs;

function watch(object, name, note) {
  const original = object[name];
  object[name] = (...args) => {
    const result = original.apply(object, args);
    note(args, result);
    return result;
  };
}

watch(fs, 'readFileSync', ([file], result) => {
  // What was opened by itself, or by this call, has been noted.
  if (typeof file !== 'number' && counts.read.at(-1) !== String(file)) counts.read.push(String(file));
  counts.bytes += result.length;
});
watch(fs, 'lstatSync', () => counts.lstat++);
watch(fs, 'statSync', () => counts.stat++);
watch(fs, 'readdirSync', () => counts.readdir++);
watch(fs, 'openSync', ([file, mode = 'r']) =>
  mode === 'r' || (typeof mode === 'number' && (mode & 3) === fs.constants.O_RDONLY)
    ? counts.read.push(String(file)) && counts.opened++
    : counts.write.push(String(file)),
);
for (const name of ['writeFileSync', 'mkdirSync', 'renameSync', 'rmSync', 'utimesSync'])
  watch(fs, name, ([file]) => counts.write.push(String(file)));
for (const name of ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'fork'])
  watch(childProcess, name, ([file]) => counts.spawn.push(String(file)));
// Of those that this file does not load itself.
const before = new Set(process.moduleLoadList);
process.on('exit', () => {
  const modules = process.moduleLoadList.filter(
    (each) => !before.has(each) && /^NativeModule [^/]*$/.test(each),
  );
  counts.modules = modules.map((each) => each.slice('NativeModule '.length));
  writeFileSync(process.env.COUNT_FS, JSON.stringify(counts));
});
