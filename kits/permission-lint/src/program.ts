import type { Syntax, Token } from './token.ts';

const OPEN = '([{';
const CLOSE = ')]}';

export const isMark = (token: Token | undefined, marks: string) => token?.kind === 'mark' && marks.includes(token.text);
export const isOpening = (token: Token | undefined) => isMark(token, OPEN);

/** A range of tokens, excluding `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * The tokens of a source with precomputed structure. Calls are scanned without entering their brackets, so nested calls cost no more than
 * sequential ones.
 */
export interface Program {
  readonly tokens: readonly Token[];
  readonly syntax: Syntax;
  /** Returns the index of the closing bracket; undefined if there is none. */
  closing(index: number): number | undefined;
  /** Returns the next token at this level: after the bracket that opens here, or simply the next one. */
  after(index: number): number;
  /** Returns whether the range has a colon, also within brackets. */
  hasColon(range: Range): boolean;
  /** Returns whether the statement at the start of this line is in the body of a class: the nearest less indented line above begins one. */
  isInClass(index: number): boolean;
}

export function readProgram(tokens: readonly Token[], syntax: Syntax): Program {
  const closings = findClosings(tokens);
  const colons = new Int32Array(tokens.length + 1);
  for (const [i, token] of tokens.entries()) colons[i + 1] = (colons[i] as number) + (isMark(token, ':') ? 1 : 0);
  let inClass: Uint8Array | undefined;
  const closing = (index: number) => (closings[index] === UNCLOSED ? undefined : closings[index]);
  return {
    tokens,
    syntax,
    closing,
    after: (index) => (isOpening(tokens[index]) ? (closing(index) ?? tokens.length - 1) : index) + 1,
    hasColon: ({ from, to }) => colons[to] !== colons[from],
    isInClass(index) {
      inClass ??= markClassBodies(tokens);
      return inClass[index] === 1;
    },
  };
}

const UNCLOSED = -1;

function findClosings(tokens: readonly Token[]): Int32Array {
  const closings = new Int32Array(tokens.length).fill(UNCLOSED);
  const stack: number[] = [];
  for (const [i, token] of tokens.entries()) {
    if (isOpening(token)) stack.push(i);
    else if (isMark(token, CLOSE)) {
      const openIndex = stack.pop();
      if (openIndex !== undefined) closings[openIndex] = i;
    }
  }
  return closings;
}

function markClassBodies(tokens: readonly Token[]): Uint8Array {
  const inClass = new Uint8Array(tokens.length);
  // The enclosing lines, each indented more than the previous one.
  const enclosing: Token[] = [];
  for (const [i, token] of tokens.entries()) {
    if (!token.startsLine || CLOSE.includes(token.text)) continue;
    while ((enclosing.at(-1)?.column ?? -1) >= token.column) enclosing.pop();
    if (enclosing.at(-1)?.text === 'class') inClass[i] = 1;
    enclosing.push(token);
  }
  return inClass;
}

/** Splits a range at the commas of its level; empty parts are dropped. */
export function parts({ tokens, after }: Program, { from, to }: Range): Range[] {
  const ranges: Range[] = [];
  let start = from;
  for (let i = from; i < to; i = after(i)) {
    if (!isMark(tokens[i], ',')) continue;
    if (i > start) ranges.push({ from: start, to: i });
    start = i + 1;
  }
  if (to > start) ranges.push({ from: start, to });
  return ranges;
}
