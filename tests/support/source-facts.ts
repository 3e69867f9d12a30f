import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** Parses a TypeScript file, without types. */
export function parseFile(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
}

/** Returns the files of `src/` that run in Node. */
export function nodeSources(): string[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('page/'))
    .map((file) => path.join('src', file));
}

/** Returns the words of a union of literals, such as `'a' | 'b'` or `0 | 1`. */
export function literalsOf(file: string, name: string): string[] {
  const union = declarationOf(file, name) as ts.TypeAliasDeclaration;
  return (union.type as ts.UnionTypeNode).types.map((type) => type.getText().replace(/'/g, ''));
}

/** Returns the names of the properties that an interface or an object type declares itself. */
export function propertiesOf(file: string, name: string): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertySignature(node)) names.push(node.name.getText());
    else node.forEachChild(visit);
  };
  declarationOf(file, name).forEachChild(visit);
  return names;
}

function declarationOf(file: string, name: string): ts.Statement {
  const isIt = (each: ts.Statement): boolean =>
    (ts.isInterfaceDeclaration(each) || ts.isTypeAliasDeclaration(each)) && each.name.text === name;
  const found = parseFile(file).statements.find(isIt);
  if (found === undefined) throw new Error(`${file} declares no type ${name}`);
  return found;
}

/** The form of an environment variable's name. */
const variableName = /^[A-Z][A-Z0-9_]*$|^[a-z]+_proxy$/;

/**
 * Returns the environment variables that a file reads: `environment.NAME`, `env['NAME']`, `const { NAME } = environment`, and
 * names with an underscore in string literals, which may be read in other ways.
 */
export function environmentReads(source: ts.SourceFile): string[] {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (variableName.test(name)) found.add(name);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && isEnvironment(node.expression)) add(node.name.text);
    if (ts.isElementAccessExpression(node) && isEnvironment(node.expression))
      add(node.argumentExpression.getText().replace(/['"]/g, ''));
    if (ts.isObjectBindingPattern(node) && isEnvironmentPattern(node))
      for (const { propertyName, name } of node.elements) add((propertyName ?? name).getText());
    if (ts.isStringLiteral(node) && node.text.includes('_')) add(node.text);
    node.forEachChild(visit);
  };
  visit(source);
  return [...found];
}

function isEnvironment(node: ts.Expression): boolean {
  const name = ts.isPropertyAccessExpression(node) ? node.name : node;
  return ts.isIdentifier(name) && ['environment', 'env'].includes(name.text);
}

function isEnvironmentPattern({ parent }: ts.ObjectBindingPattern): boolean {
  if (ts.isParameter(parent)) return parent.type?.getText() === 'Environment';
  return (
    ts.isVariableDeclaration(parent) && parent.initializer !== undefined && isEnvironment(parent.initializer)
  );
}
