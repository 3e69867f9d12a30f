// Generates parts of docs/reference/*.md from the code and writes them between their markers: `npm run reference`. With `--check`
// it only reports pages that are out of date (exit code 1). `--folder DIR`: another folder with the same markers.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import ts from 'typescript';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: flags } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    folder: { type: 'string', default: path.join(root, 'docs/reference') },
  },
});

/** Imports the table of commands. The commands themselves are imported when they run, so they are left out. */
async function importCommands() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/commands.ts'],
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['./commands/*'],
    write: false,
  });
  return await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
  );
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.:]$/.test(text) ? '' : '.'}`;
}

const code = (text) => `\`${text}\``;
const nameOf = ({ usage }) => usage.split(' ')[0];

function commandSection({ usage, summary, examples, own = [], shared = [], hiddenAlias }) {
  const rows = own.map(([declaration, help]) => [code(declaration), help]);
  const others = shared.map(([declaration]) => code(declaration)).join(', ');
  return [
    `## tasks ${nameOf({ usage })}`,
    `\`\`\`text\ntasks ${usage}\n\`\`\``,
    sentence(summary),
    ...(hiddenAlias === undefined ? [] : [`\`tasks ${hiddenAlias}\` is an alias.`]),
    ...(rows.length > 0 ? [table(['Flag', 'Meaning'], rows)] : []),
    ...(others === '' ? [] : [`[Shared flags](#shared-flags): ${others}`]),
    `\`\`\`text\n${examples}\n\`\`\``,
  ].join('\n\n');
}

/** Each shared flag with the commands that have it. Flags of one name stand together; their meanings may differ. */
function sharedFlags(commands) {
  const users = commands.flatMap((command) =>
    (command.shared ?? []).map(([declaration, help]) => ({ declaration, help, name: nameOf(command) })),
  );
  const declarations = [...new Set(users.map(({ declaration }) => declaration))];
  const rows = declarations.flatMap((declaration) => {
    const same = users.filter((each) => each.declaration === declaration);
    return [...new Set(same.map(({ help }) => help))].map((help) => {
      const names = same.filter((each) => each.help === help).map(({ name }) => name);
      return [code(declaration), help, names.join(', ')];
    });
  });
  return table(['Flag', 'Meaning', 'Commands'], rows);
}

function flagTable(list) {
  return table(
    ['Flag', 'Meaning'],
    list.map(([declaration, help]) => [code(declaration), help]),
  );
}

const sources = new Map();

/** Returns the declaration of a type, by its name, in a file of src/. */
function declarationOf(file, name) {
  const source =
    sources.get(file) ??
    ts.createSourceFile(file, readFileSync(path.join(root, file), 'utf8'), ts.ScriptTarget.Latest, true);
  sources.set(file, source);
  const found = source.statements.find((each) => each.name?.text === name);
  if (found === undefined) throw new Error(`${file} declares no ${name}`);
  return found;
}

/** Returns the doc comment of a node as one line. */
function commentOf(node) {
  const text = ts.getTextOfJSDocComment(node.jsDoc?.at(-1)?.comment) ?? '';
  return text.replace(/\s+/g, ' ').trim();
}

/** Returns the properties of an interface or of an object type in an alias. `isOwn`: without those that it inherits. */
function propertiesOf(file, name, isOwn = false) {
  const declaration = declarationOf(file, name);
  if (ts.isTypeAliasDeclaration(declaration))
    return declaration.type.types.filter(ts.isTypeLiteralNode).flatMap(({ members }) => [...members]);
  const bases = isOwn ? [] : (declaration.heritageClauses ?? []).flatMap(({ types }) => [...types]);
  return [
    ...bases.flatMap(({ expression }) => propertiesOf(file, expression.text)),
    ...declaration.members.filter(ts.isPropertySignature),
  ];
}

/** Short words for the types of definitions, in which `V` is the version. */
const typeWords = [
  [/^V$/, 'string[] | Matrix'],
  [/\(?NeedTarget \| \(\(version: V\) => NeedTarget\)\)?/, 'NeedTarget'],
  [/^Needs<V>$/, 'Record<string, NeedTarget>'],
  [/\[string, \.\.\.string\[\]\]/, 'string[]'],
  [/\bTaskId\b/g, 'string'],
  [/\bInteger\b/g, 'number'],
  [/ \| undefined/, ''],
];

/** Returns a type as text: without modifiers, and without the function of the version that most fields may be. */
function typeText(node) {
  if (ts.isTypeReferenceNode(node)) {
    const { text } = node.typeName;
    if (text === 'PerVersion') return typeText(node.typeArguments[1]);
    if (text === 'Readonly') return typeText(node.typeArguments[0]);
  }
  const text = node
    .getText()
    .replace(/\breadonly /g, '')
    .replace(/\s+/g, ' ');
  return typeWords.reduce((now, [pattern, word]) => now.replace(pattern, word), text);
}

/** What fields mean that need no doc comment in the code. */
const obvious = {
  action: 'See [actions](#actions).',
  id: 'The task: `name:version`.',
  message: 'What went wrong.',
  ok: 'True for success. Failures of tasks with `allowFailure` do not count.',
  outcome: 'See [outcomes](#outcomes).',
  passed: 'True.',
  phase: 'The phase.',
  task: 'The task: `name:version`.',
  version: 'The version of the task.',
};

/** A table of the fields of a type that `tasks` writes. `omit`: fields that the page describes elsewhere. */
function fieldTable(properties, { omit = [] } = {}) {
  const rows = properties
    .filter(({ name }) => !omit.includes(name.text))
    .map((property) => {
      const { text: name } = property.name;
      const mark = property.questionToken === undefined ? '' : 'Optional. ';
      const comment = commentOf(property) || obvious[name];
      if (comment === undefined)
        throw new Error(`${property.getSourceFile().fileName}: the field ${name} has no doc comment`);
      return [code(name), code(typeText(property.type)), `${mark}${comment}`.trim()];
    });
  return table(['Field', 'Type', 'Meaning'], rows);
}

/** Returns the examples in the doc comment of a node, each as it is written there. */
function examplesOf(node) {
  const tags = (node.jsDoc ?? []).flatMap(({ tags: all }) => [...(all ?? [])]);
  return tags
    .filter(({ tagName }) => tagName.text === 'example')
    .map(({ comment }) => ts.getTextOfJSDocComment(comment).trim());
}

/** A section for each field that people write, so that it can be linked to and found. */
function inputSections(...names) {
  return names
    .flatMap((name) => propertiesOf(definitions, name, true))
    .map((property) => {
      const isRequired = property.questionToken === undefined;
      const examples = examplesOf(property);
      return [
        `### ${code(property.name.text)}`,
        `${code(typeText(property.type))}${isRequired ? ', required' : ''}`,
        commentOf(property),
        ...(examples.length > 0 ? [`\`\`\`ts\n${examples.join('\n')}\n\`\`\``] : []),
      ].join('\n\n');
    })
    .join('\n\n');
}

const definitions = 'src/define/types.ts';
const events = 'src/model/events.ts';
const documents = 'src/model/documents.ts';
const release = 'src/release/release-file.ts';

function eventSections() {
  const union = declarationOf(events, 'RunEvent').type.types.map(({ typeName }) => typeName.text);
  return union
    .map((name) => {
      const type = propertiesOf(events, name, true).find((property) => property.name.text === 'type');
      return [
        `### ${type.type.literal.text}`,
        commentOf(declarationOf(events, name)),
        fieldTable(propertiesOf(events, name), { omit: ['type', 'time', 'phase', 'id'] }),
      ].join('\n\n');
    })
    .join('\n\n');
}

/** The description and the fields of one type. */
function typeSection(file, name) {
  return [`**${name}**: ${commentOf(declarationOf(file, name))}`, fieldTable(propertiesOf(file, name))].join(
    '\n\n',
  );
}

function typeSections(file, ...names) {
  return names.map((name) => typeSection(file, name)).join('\n\n');
}

function makeParts({ commands, globalFlags, commonFlags }) {
  return {
    'global flags': flagTable(globalFlags),
    'common flags': flagTable(commonFlags),
    'shared flags': sharedFlags(commands),
    commands: commands.map(commandSection).join('\n\n'),
    'common fields': inputSections('CommonFields', 'WithVersions'),
    'image fields': inputSections('ImageFields'),
    'command fields': inputSections('CommandFields'),
    'project fields': inputSections('ProjectFields'),
    plan: typeSections(documents, 'PlanDocument', 'PlanDocumentTask', 'BaseImage'),
    graph: typeSections(documents, 'GraphDocument', 'GraphNode', 'GraphEdge'),
    events: [eventSections(), typeSections(events, 'PlannedTask', 'TaskFailure')].join('\n\n'),
    'release file': typeSections(release, 'ReleaseFile', 'ReleasedImage', 'GitState', 'PassedTest'),
  };
}

/** Replaces what is between the markers of each part. @throws Error for a part that no page has, or that lacks its end */
function fill(pages, parts) {
  const filled = new Map(pages);
  for (const [name, part] of Object.entries(parts)) {
    const start = `<!-- generated by npm run reference: ${name} -->\n`;
    const end = `<!-- end of ${name} -->`;
    const [file, text] = [...filled].find(([, page]) => page.includes(start) && page.includes(end)) ?? [];
    if (file === undefined) throw new Error(`no page of ${flags.folder} has markers for "${name}"`);
    const [before, rest] = text.split(start);
    filled.set(file, `${before}${start}\n${part}\n\n${end}${rest.split(end)[1]}`);
  }
  return filled;
}

const pages = new Map(
  readdirSync(flags.folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => [path.join(flags.folder, name), readFileSync(path.join(flags.folder, name), 'utf8')]),
);
for (const [file, text] of fill(pages, makeParts(await importCommands()))) {
  if (text === pages.get(file)) continue;
  if (flags.check) {
    console.error(`${path.relative(root, file)} is out of date: run npm run reference`);
    process.exitCode = 1;
  } else writeFileSync(file, text);
}
