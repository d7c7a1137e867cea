import { isMark, isOpening, type Program, parts, type Range } from './program.ts';
import type { Token } from './token.ts';

/** What an expression comes to, as far as it can be read: texts with their lines; null where only the program knows. */
export interface Value {
  readonly line: number;
  readonly text: string | null;
}

/** Functions of a list that make another list of it. */
const collecting = ['of', 'asList', 'Set', 'set', 'tuple', 'list', 'frozenset'];

/** Brackets in brackets: deeper than any list of permissions. */
const DEEPEST = 100;

/** The texts of a literal, or of a list of literals; null when this is neither. */
export function readValues(program: Program, expression: Range, depth = 0): Value[] | null {
  const { tokens } = program;
  const { from, to } = bare(program, expression);
  const first = tokens[from];
  if (!first || from >= to || depth > DEEPEST) return null;
  const texts = textsIn(tokens, { from, to });
  // Python joins texts that stand side by side.
  if (texts !== null) return [{ line: first.line, text: texts.join('') }];
  const open = bracketAtEnd(program, { from, to });
  if (open === undefined) return null;
  const inner = { from: open + 1, to: to - 1 };
  if (open === from) {
    const isOnlyBrackets =
      first.text === '(' && parts(program, inner).length === 1 && !isMark(tokens[inner.to - 1], ',');
    return isOnlyBrackets ? readValues(program, inner, depth + 1) : readList(program, inner, depth);
  }
  // `new String[] {…}`, `[]string{…}`, `List.of(…)`, `new Set([…])`.
  const isCollecting = collecting.includes(tokens[open - 1]?.text ?? '') && tokens[open]?.text === '(';
  if (!isCollecting && tokens[open]?.text !== '{') return null;
  return isPrefix(tokens, { from, to: open }) ? readList(program, inner, depth) : null;
}

/** The texts that these are; null when there is anything else among them. */
function textsIn(tokens: readonly Token[], { from, to }: Range): string[] | null {
  const texts: string[] = [];
  for (let i = from; i < to; i++) {
    const { kind, isDynamic, text } = tokens[i] as Token;
    if (kind !== 'text' || isDynamic) return null;
    texts.push(text);
  }
  return texts;
}

/** The bracket that is closed by the last token. */
function bracketAtEnd({ tokens, closing, after }: Program, { from, to }: Range): number | undefined {
  for (let i = from; i < to; i = after(i)) if (isOpening(tokens[i]) && closing(i) === to - 1) return i;
  return undefined;
}

/** Names, dots and square brackets. */
function isPrefix(tokens: readonly Token[], { from, to }: Range): boolean {
  for (let i = from; i < to; i++) if (tokens[i]?.kind !== 'name' && !isMark(tokens[i], '.[]')) return false;
  return true;
}

function readList(program: Program, list: Range, depth: number): Value[] {
  return parts(program, list).flatMap(
    (part) => readValues(program, part, depth + 1) ?? [{ line: (program.tokens[part.from] as Token).line, text: null }],
  );
}

/** Without what TypeScript puts after a value: `as const`, `satisfies T`, `!`. */
function bare({ tokens, after }: Program, { from, to }: Range): Range {
  for (let i = from; i < to; i = after(i)) {
    const token = tokens[i] as Token;
    if (i > from && token.kind === 'name' && ['as', 'satisfies'].includes(token.text)) return { from, to: i };
  }
  return { from, to: isMark(tokens[to - 1], '!') ? to - 1 : to };
}
