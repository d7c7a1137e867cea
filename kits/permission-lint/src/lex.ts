import { createSource, findEnd, forwardSearch, type Source } from './source.ts';
import type { Syntax, Token } from './token.ts';

const name = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const number = /\d[\p{L}\d_.]*/uy;
const space = /[^\S\n]+/y;

/** A slash after one of these begins a regular expression, though they look like values. */
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

/** Maximum nesting of templates, deeper than any real code. */
const MAX_DEPTH = 100;

/**
 * Splits a source into tokens. Unreadable input becomes a mark: the lexer rejects nothing, because it does not validate programs.
 */
export function lex(source: string, syntax: Syntax): Token[] {
  const lexer = new Lexer(source, syntax);
  lexer.run(0);
  return lexer.tokens;
}

class Lexer {
  readonly tokens: Token[] = [];
  readonly #source: string;
  readonly #syntax: Syntax;
  readonly #input: Source;
  readonly #nextLine: (from: number) => number;
  #line = 1;
  #lineStart = 0;
  #startsLine = true;
  #position = 0;

  constructor(source: string, syntax: Syntax) {
    this.#source = source;
    this.#syntax = syntax;
    this.#input = createSource(source);
    this.#nextLine = forwardSearch(source, '\n');
  }

  /** Reads to the end, or to the brace that closes the code in a template. */
  run(templates: number): void {
    let depth = 0;
    while (this.#position < this.#source.length) {
      if (this.#skipBlank() || this.#readWord(templates)) continue;
      const character = this.#source[this.#position] as string;
      if (character === '/' && this.#syntax.hasRegexes && mayBeRegex(this.tokens.at(-1))) {
        this.#push('mark', '/', regexEnd(this.#input, this.#position));
        continue;
      }
      if (templates > 0 && character === '}' && depth === 0) return;
      if (character === '{') depth += 1;
      if (character === '}') depth -= 1;
      this.#push('mark', character, this.#position + 1);
    }
  }

  /** Skips a line break, spaces or a comment; returns false if there is none. */
  #skipBlank(): boolean {
    const blank = this.#source[this.#position] === '\n' ? '\n' : this.#match(space);
    const end =
      blank === undefined ? this.#syntax.commentEnd(this.#source, this.#position) : this.#position + blank.length;
    if (end === null) return false;
    this.#moveTo(end);
    return true;
  }

  /** Reads a string, a template, a name or a number; returns false if there is none. */
  #readWord(templates: number): boolean {
    const text = this.#syntax.stringAt(this.#input, this.#position);
    if (text) {
      this.#push('text', text.value ?? '', text.end, text.value === null);
      return true;
    }
    const word = this.#match(name) ?? this.#match(number);
    if (this.#source[this.#position] === this.#syntax.template && templates < MAX_DEPTH)
      this.#readTemplate(templates + 1);
    else if (word !== undefined) this.#push('name', word, this.#position + word.length);
    else return false;
    return true;
  }

  /** Reads a template string: a dynamic text, then its code in brackets, so that calls in it are found too. */
  #readTemplate(templates: number): void {
    const index = this.tokens.length;
    const source = this.#source;
    let value = '';
    let isDynamic = false;
    this.#push('text', '', this.#position + 1);
    while (this.#position < source.length && source[this.#position] !== '`') {
      if (source.startsWith('${', this.#position)) {
        isDynamic = true;
        this.#push('mark', '(', this.#position + 2);
        this.run(templates);
        this.#push('mark', ')', this.#position + 1);
      } else {
        const length = source[this.#position] === '\\' ? 2 : 1;
        value += source.slice(this.#position, this.#position + length);
        this.#moveTo(this.#position + length);
        this.#startsLine = false;
      }
    }
    this.#moveTo(this.#position + 1);
    this.tokens[index] = { ...(this.tokens[index] as Token), text: value.replaceAll(/\\(.)/gs, '$1'), isDynamic };
  }

  #moveTo(end: number): void {
    for (let i = this.#nextLine(this.#position); i >= 0 && i < end; i = this.#nextLine(i + 1)) {
      this.#line += 1;
      this.#lineStart = i + 1;
      this.#startsLine = true;
    }
    this.#position = end;
  }

  #push(kind: Token['kind'], text: string, end: number, isDynamic = false): void {
    const column = this.#position - this.#lineStart;
    this.tokens.push({ kind, text, isDynamic, line: this.#line, column, startsLine: this.#startsLine });
    this.#moveTo(end);
    // The rest of the line on which a string ends is not the start of a line.
    this.#startsLine = false;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    return pattern.exec(this.#source)?.[0];
  }
}

function mayBeRegex(before: Token | undefined): boolean {
  if (!before) return true;
  if (before.kind === 'name') return beforeRegex.has(before.text);
  return before.kind === 'mark' && !')]}'.includes(before.text);
}

/** Returns the end of the regular expression that begins here; the position after the slash if the line ends first. */
function regexEnd(source: Source, at: number): number {
  const { text } = source;
  // The state is twice the position, plus one inside a character class, where a slash does not end the expression.
  const end = findEnd(source, '/', 2 * (at + 1), (state) => {
    const [i, isClass] = [state >> 1, state & 1];
    if (i >= text.length || text[i] === '\n') return null;
    if (text[i] === '\\') return state + 4;
    if (text[i] === '/' && isClass === 0) return ~i;
    return 2 * (i + 1) + (text[i] === '[' ? 1 : text[i] === ']' ? 0 : isClass);
  });
  return end === null ? at + 1 : end + 1;
}
