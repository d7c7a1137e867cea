import type { Token } from './token.ts';

const OPEN = '([{';
const CLOSE = ')]}';

const isMark = (token: Token | undefined, marks: string) => token?.kind === 'mark' && marks.includes(token.text);

/** Where the bracket that opens at `at` is closed; undefined when it never is. */
export function closing(tokens: readonly Token[], at: number): number | undefined {
  let depth = 0;
  for (let i = at; i < tokens.length; i++) {
    if (isMark(tokens[i], OPEN)) depth += 1;
    if (isMark(tokens[i], CLOSE) && --depth === 0) return i;
  }
  return undefined;
}

/** Parts that commas of this level separate; none that is empty. */
export function parts(tokens: readonly Token[]): Token[][] {
  const all: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isMark(token, OPEN)) depth += 1;
    if (isMark(token, CLOSE)) depth -= 1;
    if (depth === 0 && isMark(token, ',')) all.push([]);
    else all.at(-1)?.push(token);
  }
  return all.filter((one) => one.length > 0);
}

/** What an expression comes to, as far as it can be read: texts with their lines; null where only the program knows. */
export interface Value {
  readonly line: number;
  readonly text: string | null;
}

/** Functions of a list that make another list of it. */
const collecting = ['of', 'asList', 'Set', 'set', 'tuple', 'list', 'frozenset'];

/** The texts of a literal, or of a list of literals; null when this is neither. */
export function valuesOf(expression: readonly Token[]): Value[] | null {
  const tokens = bare(expression);
  const [first] = tokens;
  if (!first) return null;
  // Python joins texts that stand side by side.
  if (tokens.every((one) => one.kind === 'text' && !one.isDynamic))
    return [{ line: first.line, text: tokens.map((one) => one.text).join('') }];
  const open = tokens.findIndex(
    (one) => isMark(one, OPEN) && closing(tokens, tokens.indexOf(one)) === tokens.length - 1,
  );
  if (open < 0) return null;
  const inner = tokens.slice(open + 1, -1);
  const before = tokens.slice(0, open);
  if (before.length === 0) {
    const isOnlyBrackets = first.text === '(' && parts(inner).length === 1 && !isMark(inner.at(-1), ',');
    return isOnlyBrackets ? valuesOf(inner) : listOf(inner);
  }
  // `new String[] {…}`, `[]string{…}`, `List.of(…)`, `new Set([…])`.
  const isPrefix = before.every((one) => one.kind === 'name' || isMark(one, '.[]'));
  const isCollecting = collecting.includes(before.at(-1)?.text ?? '') && tokens[open]?.text === '(';
  return isPrefix && (isCollecting || tokens[open]?.text === '{') ? listOf(inner) : null;
}

function listOf(tokens: readonly Token[]): Value[] {
  return parts(tokens).flatMap((part) => valuesOf(part) ?? [{ line: (part[0] as Token).line, text: null }]);
}

/** Without what TypeScript puts after a value: `as const`, `satisfies T`, `!`. */
function bare(tokens: readonly Token[]): readonly Token[] {
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    if (isMark(token, OPEN)) depth += 1;
    if (isMark(token, CLOSE)) depth -= 1;
    if (depth === 0 && i > 0 && token.kind === 'name' && ['as', 'satisfies'].includes(token.text))
      return tokens.slice(0, i);
  }
  return isMark(tokens.at(-1), '!') ? tokens.slice(0, -1) : tokens;
}
