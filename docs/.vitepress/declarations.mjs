import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A plug-in of markdown-it: fills an empty block ```ts file=tasks/images.ts of=tester with these declarations of the repository. */
export function declarations(md) {
  md.core.ruler.push('declarations', ({ tokens }) => {
    for (const token of tokens) {
      const [, file, names] = /file=(\S+) of=(\S+)/.exec(token.type === 'fence' ? token.info : '') ?? [];
      if (file === undefined) continue;
      token.content = `${names
        .split(',')
        .map((name) => declarationOf(file, name))
        .join('\n\n')}\n`;
      token.info = `ts [${file}]`;
    }
  });
}

/** Returns the text of `const NAME = …`, with its comment. The code is formatted: it ends at the next line that closes it. */
function declarationOf(file, name) {
  const text = readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
  const start = `(?:^/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\n)?^ *(?:export )?const ${name}\\b[^\\n]*?`;
  const found = new RegExp(`${start}(?:;$|\\n[\\s\\S]*?^ *[}\\])]+;$)`, 'm').exec(text);
  if (found === null) throw new Error(`${file} declares no ${name}`);
  const [indent] = /^ */.exec(found[0]);
  return found[0].replace(new RegExp(`^${indent}`, 'gm'), '');
}
