import type { DockerfileStep, LineRange } from '../model/ports.ts';
import { DockerfileError } from './error.ts';
import { type LogicalLine, parseLines, splitLines } from './logical-lines.ts';

/** Instructions that are steps (moby/buildkit frontend/dockerfile/dockerfile2llb/convert.go, `cmdTotal`). FROM is one if its base is an image. */
const countedKeywords: ReadonlySet<string> = new Set(['ADD', 'COPY', 'RUN', 'WORKDIR']);

interface CountedStage {
  readonly name: string;
  readonly from: CountedInstruction;
  readonly counted: CountedInstruction[];
}

interface CountedInstruction extends LineRange {
  readonly keyword: string;
  readonly text: string;
}

/**
 * Returns a function that finds the lines of a step in a Dockerfile: undefined for a step that is not written there, such as an
 * ONBUILD instruction of a base image, and in a file that cannot be parsed.
 */
export function findStepLines(text: string): (step: DockerfileStep) => LineRange | undefined {
  let stages: readonly CountedStage[] | undefined;
  return (step) => {
    stages ??= stagesOf(text);
    return linesIn(stages, step);
  };
}

function linesIn(
  stages: readonly CountedStage[],
  { stage, number, total, text }: DockerfileStep,
): LineRange | undefined {
  // Builds for several platforms put the platform before the name.
  const name = stage?.split(' ').at(-1);
  const [found, ...others] =
    name === undefined ? stages : stages.filter((each) => each.name === name.toLowerCase());
  // Two stages may have the same name.
  if (found === undefined || others.length > 0) return undefined;
  const { from, counted } = found;
  const possible =
    total === counted.length
      ? [counted[number - 1]]
      : total === counted.length + 1
        ? // Newer engines give no number to a FROM whose base is a named context, but count it.
          [[from, ...counted][number - 1], counted[number - 1]]
        : [];
  const keyword = text.split(/\s/, 1)[0]!.toUpperCase();
  const same = possible.filter((each) => each?.keyword === keyword);
  const at = same.length > 1 ? (same.find((each) => isShownAs(each!.text, text)) ?? same[0]) : same[0];
  return at && { line: at.line, endLine: at.endLine };
}

/**
 * Tells whether an instruction may be shown as this text: variables may be replaced, whitespace and quotes be left out, and
 * heredocs are not shown. False if nothing but the keyword can be compared.
 */
function isShownAs(instruction: string, shown: string): boolean {
  const plain = (words: string): string => words.replace(/[^\w./=:-]/g, '');
  const written = instruction.replace(/<<[\s\S]*/, '');
  if (!/\s\S*\w/.test(written)) return false;
  let rest = plain(shown);
  for (const part of written.split(/\$\{[^}]*\}|\$\w+/)) {
    const at = rest.indexOf(plain(part));
    if (at < 0) return false;
    rest = rest.slice(at + plain(part).length);
  }
  return true;
}

function stagesOf(text: string): CountedStage[] {
  const stages: CountedStage[] = [];
  for (const logical of tryParseLines(text)) {
    const keyword = /^\S+/.exec(logical.text)![0].toUpperCase();
    const { text: instruction, line } = logical;
    const counted = { keyword, text: instruction, line, endLine: endLineOf(logical) };
    if (keyword === 'FROM') {
      const name = /\sas\s+(\S+)$/i.exec(logical.text)?.[1]?.toLowerCase() ?? `stage-${stages.length}`;
      stages.push({ name, from: counted, counted: [] });
    } else if (countedKeywords.has(keyword)) stages.at(-1)?.counted.push(counted);
  }
  return stages;
}

function endLineOf({ lastLine, heredocs }: LogicalLine): number {
  return heredocs.reduce((line, { content }) => line + splitLines(content).length + 1, lastLine);
}

function tryParseLines(text: string): readonly LogicalLine[] {
  try {
    return parseLines(text).lines;
  } catch (error) {
    // The build itself reports it, unless another frontend understands the file.
    if (error instanceof DockerfileError) return [];
    throw error;
  }
}
