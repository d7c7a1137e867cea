import { isOpening, type Program, parts, type Range, readProgram } from './program.ts';
import { isGo, isJava, isPython } from './syntax.ts';
import type { Syntax, Token } from './token.ts';
import { permissionUse, type Use, unknownUse } from './use.ts';
import { readValues, type Value } from './values.ts';

/** Who asks for one permission, and who for many. */
const asksForOne = ['has_perm', 'ahas_perm', 'hasPerm', 'HasPerm'];
const asksForMany = ['has_perms', 'ahas_perms', 'hasPerms', 'HasPerms'];
const DECORATOR = 'permission_required';
const asking = new Set([...asksForOne, ...asksForMany, DECORATOR]);

/** Names that Django and others give the parameter. */
const keywords = ['perm', 'perms', 'perm_list', 'permission', 'permissions'];

/** Every place of a program that asks for a permission, in the order of the source. */
export function usesIn(tokens: readonly Token[], syntax: Syntax): Use[] {
  const program = readProgram(tokens, syntax);
  return tokens.flatMap((token, i) => {
    if (token.kind !== 'name' || !asking.has(token.text)) return [];
    const open = openingAfter(tokens, i);
    if (open === undefined)
      return isPython(syntax) && token.text === DECORATOR && program.isInClass(i) ? attribute(program, i) : [];
    const close = program.closing(open);
    if (close === undefined || isDeclared(program, i, open, close)) return [];
    return called(program, token, { from: open + 1, to: close });
  });
}

/** Tokens: more type arguments than a call has. What is compared with `<` has no end. */
const MOST_TYPES = 32;

/** The bracket of a call: after the name, `?.` or type arguments may stand. */
function openingAfter(tokens: readonly Token[], at: number): number | undefined {
  let next = at + 1;
  if (tokens[next]?.text === '?' && tokens[next + 1]?.text === '.') next += 2;
  if (tokens[next]?.text === '<') {
    const last = Math.min(tokens.length, next + MOST_TYPES);
    while (next < last && tokens[next]?.text !== '>' && tokens[next]?.text !== '(') next += 1;
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
function isDeclared({ tokens, syntax, hasColon }: Program, at: number, open: number, close: number): boolean {
  const before = tokens[at - 1];
  const after = tokens[close + 1];
  if (isPython(syntax)) return before?.text === 'def';
  if (before?.kind === 'name' && ['function', 'func'].includes(before.text)) return true;
  // A method of Go's has its receiver before it.
  if (isGo(syntax)) return before?.text === ')' && before.line === tokens[at]?.line && before.kind === 'mark';
  // A method of Java's has its type before it.
  if (isJava(syntax)) return before?.kind === 'name' && !afterTheseStandsValue.includes(before.text);
  if (after?.kind === 'mark' && after.text === '{') return after.line === tokens[close]?.line;
  const isTyped = hasColon({ from: open + 1, to: close });
  return after?.kind === 'mark' && after.text === ':' && before?.text !== '.' && isTyped;
}

function called(program: Program, by: Token, inside: Range): Use[] {
  const { tokens } = program;
  const given = parts(program, inside).flatMap((part) => {
    const [name, equals, value] = tokens.slice(part.from, Math.min(part.to, part.from + 3));
    const isKeyword = name?.kind === 'name' && equals?.kind === 'mark' && equals.text === '=' && value?.text !== '=';
    if (!isKeyword) return [part];
    return keywords.includes(name.text) ? [{ from: part.from + 2, to: part.to }] : [];
  });
  const read = given.map((one) => readValues(program, one));
  const asked = by.text === DECORATOR ? read.slice(0, 1) : read;
  const found = asked.findIndex((one) => one !== null);
  if (found < 0) return [unknownUse(by.line, by.text)];
  const values = asked[found] as Value[];
  // Many may stand side by side: HasPerms("a", "b").
  const isSpread = asksForMany.includes(by.text) && rangeLength(given[found]) === 1;
  const more = isSpread ? asked.slice(found + 1).flatMap((one) => one ?? [{ line: by.line, text: null }]) : [];
  return [...values, ...more].map((one) => readUse(by.text, one));
}

const rangeLength = (range: Range | undefined) => (range ? range.to - range.from : 0);

function readUse(by: string, { line, text }: Value): Use {
  return text === null ? unknownUse(line, by) : permissionUse(line, by, text);
}

/** `permission_required = "polls.add_choice"` in a class, with a type or without one: the attribute of PermissionRequiredMixin. */
function attribute(program: Program, at: number): Use[] {
  const { tokens, closing } = program;
  const name = tokens[at] as Token;
  let next = at + 1;
  if (tokens[next]?.text === ':' && tokens[next]?.kind === 'mark')
    while (next < tokens.length && tokens[next]?.text !== '=' && !tokens[next]?.startsLine) next += 1;
  if (tokens[next]?.text !== '=' || tokens[next]?.kind !== 'mark' || tokens[next + 1]?.text === '=') return [];
  const from = next + 1;
  let to = from;
  // A bracket goes on over lines; one that is never closed says nothing.
  while (to < tokens.length && (to === from || !tokens[to]?.startsLine)) {
    if (isOpening(tokens[to]) && closing(to) === undefined) return [unknownUse(name.line, name.text)];
    to = program.after(to);
  }
  if (to - from === 1 && tokens[from]?.text === 'None') return [];
  // `= "a", "b"` is a tuple without brackets.
  const all = parts(program, { from, to }).map((part) => readValues(program, part));
  if (all.length === 0) return [];
  return all.flatMap((one) => one ?? [{ line: name.line, text: null }]).map((one) => readUse(name.text, one));
}
