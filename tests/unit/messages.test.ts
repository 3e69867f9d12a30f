import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeSources, parseFile } from '../support/source-facts.ts';

const test = suite('messages in docs/guide/troubleshooting.md');
const page = readFileSync('docs/guide/troubleshooting.md', 'utf8');

/** Returns the texts of the code: string literals, and templates with `…` for their values. */
function textsOf(file: string): string[] {
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) texts.push(node.text);
    if (ts.isTemplateExpression(node))
      texts.push(
        [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)]
          .join('…')
          .replace(/…+/g, '…'),
      );
    node.forEachChild(visit);
  };
  visit(parseFile(file));
  return texts;
}

/** The messages that are headings: ### `text`. */
const messages = [...page.matchAll(/^### `(.+)`$/gm)].map(([, message]) => message!);

test('every message that the page explains is in the code', () => {
  const texts = nodeSources().flatMap(textsOf);
  assert.ok(messages.length > 20);
  assert.equal(
    messages.filter((message) => !texts.some((text) => text.includes(message))),
    [],
  );
});

test.run();
