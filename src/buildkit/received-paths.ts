import { isUtf8 } from 'node:buffer';
import { TransferError } from './transfer-error.ts';

/** A folder on the path of the entry that was received last, and the last name in it. */
interface Parent {
  readonly path: string;
  last: Uint8Array;
}

/**
 * Returns a function that checks the paths of a received tree, in the order in which they come, and returns each as a string. The
 * rules are fsutil's (validator.go): a path is relative and clean, its parent is a folder that was received before, and names in
 * one folder ascend by bytes. So no path leads out of the folder or through a symlink, and none comes twice.
 * @throws TransferError
 */
export function makePathCheck(): (path: Uint8Array, isFolder: boolean) => string {
  const parents: Parent[] = [{ path: '', last: new Uint8Array() }];
  return (bytes, isFolder) => {
    const path = decode(bytes);
    const names = path.split('/');
    if (names.some((name) => name === '' || name === '.' || name === '..' || name.includes('\0')))
      throw new TransferError(
        'protocol',
        `the engine sent the path ${JSON.stringify(path)}, which is not allowed`,
      );
    const name = Buffer.from(names.pop()!, 'utf8');
    const parentPath = names.join('/');
    while (parents.length > 1 && parents.at(-1)!.path !== parentPath) parents.pop();
    const parent = parents.at(-1)!;
    if (parent.path !== parentPath)
      throw outOfOrder(path, `${JSON.stringify(parentPath)} is not a folder that it sent before`);
    if (Buffer.compare(parent.last, name) >= 0) throw outOfOrder(path, 'it is a duplicate or out of order');
    parent.last = name;
    if (isFolder) parents.push({ path, last: new Uint8Array() });
    return path;
  };
}

function decode(bytes: Uint8Array): string {
  const path = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (isUtf8(bytes)) return path;
  throw new TransferError(
    'unsupported',
    `${path} in the result: the name is not valid UTF-8; rename the file`,
    path,
  );
}

function outOfOrder(path: string, why: string): TransferError {
  return new TransferError('protocol', `the engine sent the path ${JSON.stringify(path)}, but ${why}`);
}
