import { isMark, isOpening, type Program, parts, type Range } from './program.ts';
import type { Token } from './token.ts';

/** The values of an expression that can be read statically, with their lines; null if known only at run time. */
export interface Value {
  readonly line: number;
  readonly text: string | null;
}

/** Functions that turn a list into another collection. */
const collectionFunctions = ['of', 'asList', 'Set', 'set', 'tuple', 'list', 'frozenset'];

/** Maximum nesting of brackets, deeper than any list of permissions. */
const MAX_DEPTH = 100;

/** Returns the strings of a literal, or of a list of literals; null for anything else. */
export function readValues(program: Program, expression: Range, depth = 0): Value[] | null {
  const { tokens } = program;
  const { from, to } = stripTypeSuffix(program, expression);
  const first = tokens[from];
  if (!first || from >= to || depth > MAX_DEPTH) return null;
  const texts = readStrings(tokens, { from, to });
  // Python joins adjacent strings.
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
  const isCollection = collectionFunctions.includes(tokens[open - 1]?.text ?? '') && tokens[open]?.text === '(';
  if (!isCollection && tokens[open]?.text !== '{') return null;
  return isPrefix(tokens, { from, to: open }) ? readList(program, inner, depth) : null;
}

/** Returns the strings in a range; null if it has any other token. */
function readStrings(tokens: readonly Token[], { from, to }: Range): string[] | null {
  const texts: string[] = [];
  for (let i = from; i < to; i++) {
    const { kind, isDynamic, text } = tokens[i] as Token;
    if (kind !== 'text' || isDynamic) return null;
    texts.push(text);
  }
  return texts;
}

/** Returns the bracket that the last token closes. */
function bracketAtEnd({ tokens, closing, after }: Program, { from, to }: Range): number | undefined {
  for (let i = from; i < to; i = after(i)) if (isOpening(tokens[i]) && closing(i) === to - 1) return i;
  return undefined;
}

/** Returns whether a range has only names, dots and square brackets. */
function isPrefix(tokens: readonly Token[], { from, to }: Range): boolean {
  for (let i = from; i < to; i++) if (tokens[i]?.kind !== 'name' && !isMark(tokens[i], '.[]')) return false;
  return true;
}

function readList(program: Program, list: Range, depth: number): Value[] {
  return parts(program, list).flatMap(
    (part) => readValues(program, part, depth + 1) ?? [{ line: (program.tokens[part.from] as Token).line, text: null }],
  );
}

/** Strips TypeScript's suffixes of a value: `as const`, `satisfies T`, `!`. */
function stripTypeSuffix({ tokens, after }: Program, { from, to }: Range): Range {
  for (let i = from; i < to; i = after(i)) {
    const token = tokens[i] as Token;
    if (i > from && token.kind === 'name' && ['as', 'satisfies'].includes(token.text)) return { from, to: i };
  }
  return { from, to: isMark(tokens[to - 1], '!') ? to - 1 : to };
}
