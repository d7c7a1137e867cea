import { isGo, isJava, isPython } from './syntax.ts';
import type { Syntax, Token } from './token.ts';
import { permissionUse, type Use, unknownUse } from './use.ts';
import { closing, parts, type Value, valuesOf } from './values.ts';

/** Who asks for one permission, and who for many. */
const asksForOne = ['has_perm', 'ahas_perm', 'hasPerm', 'HasPerm'];
const asksForMany = ['has_perms', 'ahas_perms', 'hasPerms', 'HasPerms'];
const DECORATOR = 'permission_required';
const asking = new Set([...asksForOne, ...asksForMany, DECORATOR]);

/** Names that Django and others give the parameter. */
const keywords = ['perm', 'perms', 'perm_list', 'permission', 'permissions'];

/** Every place of a program that asks for a permission, in the order of the source. */
export function usesIn(tokens: readonly Token[], syntax: Syntax): Use[] {
  return tokens.flatMap((token, i) => {
    if (token.kind !== 'name' || !asking.has(token.text)) return [];
    const open = openingAfter(tokens, i);
    if (open === undefined)
      return isPython(syntax) && token.text === DECORATOR && isInClass(tokens, i) ? attribute(tokens, i) : [];
    const close = closing(tokens, open);
    if (close === undefined || isDeclared(tokens, i, open, close, syntax)) return [];
    return called(token, tokens.slice(open + 1, close));
  });
}

/** The bracket of a call: after the name, `?.` or type arguments may stand. */
function openingAfter(tokens: readonly Token[], at: number): number | undefined {
  let next = at + 1;
  if (tokens[next]?.text === '?' && tokens[next + 1]?.text === '.') next += 2;
  if (tokens[next]?.text === '<') {
    while (next < tokens.length && tokens[next]?.text !== '>' && tokens[next]?.text !== '(') next += 1;
    next += 1;
  }
  return tokens[next]?.kind === 'mark' && tokens[next]?.text === '(' ? next : undefined;
}

const afterTheseStandsValue = [
  'return',
  'else',
  'assert',
  'throw',
  'yield',
  'case',
  'await',
  'and',
  'or',
  'not',
  'if',
  'elif',
  'while',
  'in',
  'typeof',
  'void',
  'do',
  'go',
  'defer',
  'new',
  'lambda',
  'is',
  'default',
  'instanceof',
  'of',
];

/** `def has_perm(…)` asks for nothing. */
function isDeclared(tokens: readonly Token[], at: number, open: number, close: number, syntax: Syntax): boolean {
  const before = tokens[at - 1];
  const after = tokens[close + 1];
  if (isPython(syntax)) return before?.text === 'def';
  if (before?.kind === 'name' && ['function', 'func'].includes(before.text)) return true;
  // A method of Go's has its receiver before it.
  if (isGo(syntax)) return before?.text === ')' && before.line === tokens[at]?.line && before.kind === 'mark';
  // A method of Java's has its type before it.
  if (isJava(syntax)) return before?.kind === 'name' && !afterTheseStandsValue.includes(before.text);
  if (after?.kind === 'mark' && after.text === '{') return after.line === tokens[close]?.line;
  const isTyped = tokens.slice(open + 1, close).some((one) => one.kind === 'mark' && one.text === ':');
  return after?.kind === 'mark' && after.text === ':' && before?.text !== '.' && isTyped;
}

function called(by: Token, inside: readonly Token[]): Use[] {
  const given = parts(inside).flatMap((part) => {
    const isKeyword =
      part[0]?.kind === 'name' && part[1]?.kind === 'mark' && part[1].text === '=' && part[2]?.text !== '=';
    if (!isKeyword) return [part];
    return keywords.includes(part[0]?.text ?? '') ? [part.slice(2)] : [];
  });
  const read = given.map(valuesOf);
  const asked = by.text === DECORATOR ? read.slice(0, 1) : read;
  const found = asked.findIndex((one) => one !== null);
  if (found < 0) return [unknownUse(by.line, by.text)];
  const values = asked[found] as Value[];
  // Many may stand side by side: HasPerms("a", "b").
  const isSpread = asksForMany.includes(by.text) && given[found]?.length === 1;
  const more = isSpread ? asked.slice(found + 1).flatMap((one) => one ?? [{ line: by.line, text: null }]) : [];
  return [...values, ...more].map((one) => useOf(by.text, one));
}

function useOf(by: string, { line, text }: Value): Use {
  return text === null ? unknownUse(line, by) : permissionUse(line, by, text);
}

/** `permission_required = "polls.add_choice"` in a class, with a type or without one: the attribute of PermissionRequiredMixin. */
function attribute(tokens: readonly Token[], at: number): Use[] {
  const name = tokens[at] as Token;
  let next = at + 1;
  if (tokens[next]?.text === ':' && tokens[next]?.kind === 'mark')
    while (next < tokens.length && tokens[next]?.text !== '=' && !tokens[next]?.startsLine) next += 1;
  if (tokens[next]?.text !== '=' || tokens[next]?.kind !== 'mark' || tokens[next + 1]?.text === '=') return [];
  const begin = next + 1;
  let end = begin;
  while (end < tokens.length && (end === begin || !tokens[end]?.startsLine || isWithin(tokens, begin, end))) end += 1;
  const value = tokens.slice(begin, end);
  if (value.length === 1 && value[0]?.text === 'None') return [];
  // `= "a", "b"` is a tuple without brackets.
  const all = parts(value).map(valuesOf);
  if (all.length === 0) return [];
  return all.flatMap((one) => one ?? [{ line: name.line, text: null }]).map((one) => useOf(name.text, one));
}

/** Whether a bracket that was opened since is still open. */
function isWithin(tokens: readonly Token[], from: number, at: number): boolean {
  let depth = 0;
  for (const token of tokens.slice(from, at))
    if (token.kind === 'mark') depth += '([{'.includes(token.text) ? 1 : ')]}'.includes(token.text) ? -1 : 0;
  return depth > 0;
}

/** Whether the statement at `at` stands in the body of a class: the line above it that is indented less begins one. */
function isInClass(tokens: readonly Token[], at: number): boolean {
  const own = tokens[at] as Token;
  if (!own.startsLine) return false;
  for (let i = at - 1; i >= 0; i--) {
    const token = tokens[i] as Token;
    if (token.startsLine && token.column < own.column && !')]}'.includes(token.text)) return token.text === 'class';
  }
  return false;
}
