// `node --require count-fs.cjs` records the file system calls of a program, the processes that it starts and the Node modules that
// it loads. On exit, it writes them as JSON to the file that the COUNT_FS variable names.
const childProcess = require('node:child_process');
const fs = require('node:fs');

const counts = { read: [], bytes: 0, lstat: 0, stat: 0, readdir: 0, opened: 0, write: [], spawn: [] };
const { writeFileSync } = fs;

function recordCalls(object, name, record) {
  const original = object[name];
  object[name] = (...args) => {
    const result = original.apply(object, args);
    record(args, result);
    return result;
  };
}

recordCalls(fs, 'readFileSync', ([file], result) => {
  // A file descriptor, and a file that this call opened with openSync, is recorded already.
  if (typeof file !== 'number' && counts.read.at(-1) !== String(file)) counts.read.push(String(file));
  counts.bytes += result.length;
});
recordCalls(fs, 'lstatSync', () => counts.lstat++);
recordCalls(fs, 'statSync', () => counts.stat++);
recordCalls(fs, 'readdirSync', () => counts.readdir++);
recordCalls(fs, 'openSync', ([file, mode = 'r']) =>
  mode === 'r' || (typeof mode === 'number' && (mode & 3) === fs.constants.O_RDONLY)
    ? counts.read.push(String(file)) && counts.opened++
    : counts.write.push(String(file)),
);
for (const name of ['writeFileSync', 'mkdirSync', 'renameSync', 'rmSync', 'utimesSync'])
  recordCalls(fs, name, ([file]) => counts.write.push(String(file)));
for (const name of ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'fork'])
  recordCalls(childProcess, name, ([file]) => counts.spawn.push(String(file)));
// Modules that this file loads are not counted.
const before = new Set(process.moduleLoadList);
process.on('exit', () => {
  const modules = process.moduleLoadList.filter(
    (each) => !before.has(each) && /^NativeModule [^/]*$/.test(each),
  );
  counts.modules = modules.map((each) => each.slice('NativeModule '.length));
  writeFileSync(process.env.COUNT_FS, JSON.stringify(counts));
});
