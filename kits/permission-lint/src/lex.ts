import { createSource, findEnd, forwardSearch, type Source } from './source.ts';
import type { Syntax, Token } from './token.ts';

const name = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const number = /\d[\p{L}\d_.]*/uy;
const space = /[^\S\n]+/y;

/** After these a slash begins a regular expression, though they look like values. */
const beforeRegex = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'do',
  'else',
  'void',
  'delete',
  'throw',
  'new',
  'await',
  'yield',
]);

/** Templates in the code of templates: deeper than any that somebody wrote. */
const DEEPEST = 100;

/** The tokens of a source. What cannot be read is a mark: nothing is refused, the program itself says whether it is right. */
export function lex(source: string, syntax: Syntax): Token[] {
  const read = createSource(source);
  const nextLine = forwardSearch(source, '\n');
  const tokens: Token[] = [];
  let line = 1;
  let lineStart = 0;
  let startsLine = true;
  let at = 0;

  const moveTo = (end: number) => {
    for (let i = nextLine(at); i >= 0 && i < end; i = nextLine(i + 1)) {
      line += 1;
      lineStart = i + 1;
      startsLine = true;
    }
    at = end;
  };
  const push = (kind: Token['kind'], text: string, end: number, isDynamic = false) => {
    tokens.push({ kind, text, isDynamic, line, column: at - lineStart, startsLine });
    moveTo(end);
    // A line that a text ends on was not begun by what follows it.
    startsLine = false;
  };
  const matched = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };

  /** Until the end, or until the brace that closes the code in a template. */
  const run = (templates: number) => {
    let depth = 0;
    while (at < source.length) {
      const character = source[at] as string;
      const blank = character === '\n' ? '\n' : matched(space);
      if (blank !== undefined) {
        moveTo(at + blank.length);
        continue;
      }
      const commentEnd = syntax.commentEnd(source, at);
      if (commentEnd !== null) {
        moveTo(commentEnd);
        continue;
      }
      const text = syntax.textAt(read, at);
      const word = text ? undefined : (matched(name) ?? matched(number));
      if (text) push('text', text.value ?? '', text.end, text.value === null);
      else if (character === syntax.template && templates < DEEPEST) template(templates + 1);
      else if (word !== undefined) push('name', word, at + word.length);
      else if (character === '/' && syntax.hasRegexes && mayBeRegex(tokens.at(-1)))
        push('mark', '/', regexEnd(read, at));
      else {
        if (templates > 0 && character === '}' && depth === 0) return;
        if (character === '{') depth += 1;
        if (character === '}') depth -= 1;
        push('mark', character, at + 1);
      }
    }
  };

  /** A text with code in it: a dynamic text, then the code in brackets, so that calls in it are met as well. */
  const template = (templates: number) => {
    const pieces = tokens.length;
    let value = '';
    let isDynamic = false;
    push('text', '', at + 1);
    while (at < source.length && source[at] !== '`') {
      if (source.startsWith('${', at)) {
        isDynamic = true;
        push('mark', '(', at + 2);
        run(templates);
        push('mark', ')', at + 1);
      } else {
        const length = source[at] === '\\' ? 2 : 1;
        value += source.slice(at, at + length);
        moveTo(at + length);
        startsLine = false;
      }
    }
    moveTo(at + 1);
    tokens[pieces] = { ...(tokens[pieces] as Token), text: value.replaceAll(/\\(.)/gs, '$1'), isDynamic };
  };

  run(0);
  return tokens;
}

function mayBeRegex(before: Token | undefined): boolean {
  if (!before) return true;
  if (before.kind === 'name') return beforeRegex.has(before.text);
  return before.kind === 'mark' && !')]}'.includes(before.text);
}

/** After the regular expression that begins here; just after the slash when the line ends before it does. */
function regexEnd(source: Source, at: number): number {
  const { text } = source;
  // Twice the place, and one more within a class, where a slash ends nothing.
  const end = findEnd(source, '/', 2 * (at + 1), (state) => {
    const [i, isClass] = [state >> 1, state & 1];
    if (i >= text.length || text[i] === '\n') return null;
    if (text[i] === '\\') return state + 4;
    if (text[i] === '/' && isClass === 0) return ~i;
    return 2 * (i + 1) + (text[i] === '[' ? 1 : text[i] === ']' ? 0 : isClass);
  });
  return end === null ? at + 1 : end + 1;
}
