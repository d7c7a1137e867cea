import type { Syntax, Token } from './token.ts';

const OPEN = '([{';
const CLOSE = ')]}';

export const isMark = (token: Token | undefined, marks: string) => token?.kind === 'mark' && marks.includes(token.text);
export const isOpening = (token: Token | undefined) => isMark(token, OPEN);

/** Some of a program's tokens: from the first to just before the last. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * The tokens of a source, with what is asked of them again and again worked out once. Whoever looks at a call steps over the brackets in it, so
 * that calls within calls cost no more than calls side by side.
 */
export interface Program {
  readonly tokens: readonly Token[];
  readonly syntax: Syntax;
  /** Where the bracket that opens here is closed; undefined when it never is. */
  closing(at: number): number | undefined;
  /** The next token of this level: after the bracket that opens here, else just the next. */
  after(at: number): number;
  /** Whether a colon stands there, within brackets too. */
  hasColon(range: Range): boolean;
  /** Whether the statement that begins its line here stands in the body of a class: the line above it that is indented less begins one. */
  isInClass(at: number): boolean;
}

export function readProgram(tokens: readonly Token[], syntax: Syntax): Program {
  const closings = findClosings(tokens);
  const colons = new Int32Array(tokens.length + 1);
  for (const [i, token] of tokens.entries()) colons[i + 1] = (colons[i] as number) + (isMark(token, ':') ? 1 : 0);
  let inClass: Uint8Array | undefined;
  const closing = (at: number) => (closings[at] === NEVER ? undefined : closings[at]);
  return {
    tokens,
    syntax,
    closing,
    after: (at) => (isOpening(tokens[at]) ? (closing(at) ?? tokens.length - 1) : at) + 1,
    hasColon: ({ from, to }) => colons[to] !== colons[from],
    isInClass(at) {
      inClass ??= markClassBodies(tokens);
      return inClass[at] === 1;
    },
  };
}

const NEVER = -1;

function findClosings(tokens: readonly Token[]): Int32Array {
  const closings = new Int32Array(tokens.length).fill(NEVER);
  const open: number[] = [];
  for (const [i, token] of tokens.entries()) {
    if (isOpening(token)) open.push(i);
    else if (isMark(token, CLOSE)) {
      const opened = open.pop();
      if (opened !== undefined) closings[opened] = i;
    }
  }
  return closings;
}

function markClassBodies(tokens: readonly Token[]): Uint8Array {
  const inClass = new Uint8Array(tokens.length);
  // The lines above, each indented more than the one before it.
  const above: Token[] = [];
  for (const [i, token] of tokens.entries()) {
    if (!token.startsLine || CLOSE.includes(token.text)) continue;
    while ((above.at(-1)?.column ?? -1) >= token.column) above.pop();
    if (above.at(-1)?.text === 'class') inClass[i] = 1;
    above.push(token);
  }
  return inClass;
}

/** Parts that commas of this level separate; none that is empty. */
export function parts({ tokens, after }: Program, { from, to }: Range): Range[] {
  const all: Range[] = [];
  let begin = from;
  for (let i = from; i < to; i = after(i)) {
    if (!isMark(tokens[i], ',')) continue;
    if (i > begin) all.push({ from: begin, to: i });
    begin = i + 1;
  }
  if (to > begin) all.push({ from: begin, to });
  return all;
}
