import { isOpening, type Program, parts, type Range, readProgram } from './program.ts';
import { isGo, isJava, isPython } from './syntax.ts';
import type { Syntax, Token } from './token.ts';
import { permissionUse, type Use, unknownUse } from './use.ts';
import { readValues, type Value } from './values.ts';

/** Functions that check one permission, and functions that check several. */
const singleChecks = ['has_perm', 'ahas_perm', 'hasPerm', 'HasPerm'];
const multipleChecks = ['has_perms', 'ahas_perms', 'hasPerms', 'HasPerms'];
const DECORATOR = 'permission_required';
const checkNames = new Set([...singleChecks, ...multipleChecks, DECORATOR]);

/** Parameter names in Django and other frameworks. */
const parameterNames = ['perm', 'perms', 'perm_list', 'permission', 'permissions'];

/** Finds every permission check in a program, in the order of the source. */
export function findUses(tokens: readonly Token[], syntax: Syntax): Use[] {
  const program = readProgram(tokens, syntax);
  return tokens.flatMap((token, i) => {
    if (token.kind !== 'name' || !checkNames.has(token.text)) return [];
    const open = findCallBracket(tokens, i);
    if (open === undefined)
      return isPython(syntax) && token.text === DECORATOR && program.isInClass(i) ? readAttribute(program, i) : [];
    const close = program.closing(open);
    if (close === undefined || isDeclared(program, i, open, close)) return [];
    return readCall(program, token, { from: open + 1, to: close });
  });
}

/** Limit in tokens, more than the type arguments of any call. A comparison with `<` has no closing bracket. */
const MAX_TYPE_TOKENS = 32;

/** Returns the opening bracket of a call; `?.` or type arguments may follow the name. */
function findCallBracket(tokens: readonly Token[], index: number): number | undefined {
  let cursor = index + 1;
  if (tokens[cursor]?.text === '?' && tokens[cursor + 1]?.text === '.') cursor += 2;
  if (tokens[cursor]?.text === '<') {
    const last = Math.min(tokens.length, cursor + MAX_TYPE_TOKENS);
    while (cursor < last && tokens[cursor]?.text !== '>' && tokens[cursor]?.text !== '(') cursor += 1;
    cursor += 1;
  }
  return tokens[cursor]?.kind === 'mark' && tokens[cursor]?.text === '(' ? cursor : undefined;
}

const valueKeywords = [
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

/** `def has_perm(…)` is a declaration, not a check. */
function isDeclared({ tokens, syntax, hasColon }: Program, index: number, open: number, close: number): boolean {
  const previous = tokens[index - 1];
  const following = tokens[close + 1];
  if (isPython(syntax)) return previous?.text === 'def';
  if (previous?.kind === 'name' && ['function', 'func'].includes(previous.text)) return true;
  // In Go a method's receiver comes before its name.
  if (isGo(syntax)) return previous?.text === ')' && previous.line === tokens[index]?.line && previous.kind === 'mark';
  // In Java a method's type comes before its name.
  if (isJava(syntax)) return previous?.kind === 'name' && !valueKeywords.includes(previous.text);
  if (following?.kind === 'mark' && following.text === '{') return following.line === tokens[close]?.line;
  const isTyped = hasColon({ from: open + 1, to: close });
  return following?.kind === 'mark' && following.text === ':' && previous?.text !== '.' && isTyped;
}

function readCall(program: Program, by: Token, inside: Range): Use[] {
  const { tokens } = program;
  const argumentRanges = parts(program, inside).flatMap((part) => {
    const [name, equals, value] = tokens.slice(part.from, Math.min(part.to, part.from + 3));
    const isKeyword = name?.kind === 'name' && equals?.kind === 'mark' && equals.text === '=' && value?.text !== '=';
    if (!isKeyword) return [part];
    return parameterNames.includes(name.text) ? [{ from: part.from + 2, to: part.to }] : [];
  });
  const argumentValues = argumentRanges.map((one) => readValues(program, one));
  const checkedValues = by.text === DECORATOR ? argumentValues.slice(0, 1) : argumentValues;
  const firstKnown = checkedValues.findIndex((one) => one !== null);
  if (firstKnown < 0) return [unknownUse(by.line, by.text)];
  const values = checkedValues[firstKnown] as Value[];
  // Several names may be separate arguments: HasPerms("a", "b").
  const isSpread = multipleChecks.includes(by.text) && rangeLength(argumentRanges[firstKnown]) === 1;
  const otherValues = isSpread
    ? checkedValues.slice(firstKnown + 1).flatMap((one) => one ?? [{ line: by.line, text: null }])
    : [];
  return [...values, ...otherValues].map((one) => readUse(by.text, one));
}

const rangeLength = (range: Range | undefined) => (range ? range.to - range.from : 0);

function readUse(by: string, { line, text }: Value): Use {
  return text === null ? unknownUse(line, by) : permissionUse(line, by, text);
}

/** Reads `permission_required = "polls.add_choice"` in a class, with or without a type: the attribute of PermissionRequiredMixin. */
function readAttribute(program: Program, index: number): Use[] {
  const { tokens, closing } = program;
  const name = tokens[index] as Token;
  let cursor = index + 1;
  if (tokens[cursor]?.text === ':' && tokens[cursor]?.kind === 'mark')
    while (cursor < tokens.length && tokens[cursor]?.text !== '=' && !tokens[cursor]?.startsLine) cursor += 1;
  if (tokens[cursor]?.text !== '=' || tokens[cursor]?.kind !== 'mark' || tokens[cursor + 1]?.text === '=') return [];
  const from = cursor + 1;
  let to = from;
  // A bracket may span lines; an unclosed one is unknown.
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
