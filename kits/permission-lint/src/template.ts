import { forwardSearch } from './source.ts';
import { appUse, permissionUse, type Use } from './use.ts';

/** A text that is asked for in `perms`, another text, or a look-up in it. */
const words = /(?:"([^"]*)"|'([^']*)')(\s+(?:not\s+)?in\s+perms\b(?!\s*\.))?|(?<![\w.$])perms\.(\w+)(?:\.(\w+))?/g;

/** What goes on to an end of its own, and is not read. */
const skippedBlock = /\{%-?\s*(?:comment|verbatim|raw)\b/y;
const endOfBlock = /\{%-?\s*end(?:comment|verbatim|raw)\b/g;

/** Every permission that a template asks for. */
export function usesInTemplate(source: string): Use[] {
  const uses: Use[] = [];
  const nextLine = forwardSearch(source, '\n');
  let line = 1;
  let counted = 0;
  for (const { piece, index } of pieces(source)) {
    for (const match of piece.matchAll(words)) {
      const place = index + match.index;
      for (let i = nextLine(counted); i >= 0 && i < place; i = nextLine(i + 1)) {
        line += 1;
        counted = i + 1;
      }
      const [, double, one, isAsked, app, codename] = match;
      const text = double ?? one;
      if (text !== undefined && isAsked)
        uses.push(text.includes('.') ? permissionUse(line, 'in perms', text) : appUse(line, 'in perms', text));
      else if (app !== undefined && codename !== undefined)
        uses.push(permissionUse(line, 'perms', `${app}.${codename}`));
      else if (app !== undefined) uses.push(appUse(line, 'perms', app));
    }
  }
  return uses;
}

/** The tags and expressions of Django's templates (and Jinja's), without comments and what is left as it is. */
function* pieces(source: string): Generator<{ piece: string; index: number }> {
  const ends = {
    '{#': forwardSearch(source, '#}'),
    '{%': forwardSearch(source, '%}'),
    '{{': forwardSearch(source, '}}'),
  };
  const blockEnds = Array.from(source.matchAll(endOfBlock), (match) => match.index);
  const blockClose = forwardSearch(source, '%}');
  let nextBlockEnd = 0;
  const afterBlock = (from: number): number => {
    while ((blockEnds[nextBlockEnd] ?? source.length) < from) nextBlockEnd += 1;
    const begin = blockEnds[nextBlockEnd];
    return begin === undefined ? -1 : blockClose(begin);
  };
  const open = forwardSearch(source, '{');
  for (let at = open(0); at >= 0; at = open(at)) {
    const kind = source.slice(at, at + 2) as keyof typeof ends;
    const end = kind in ends ? ends[kind](at + 2) : -1;
    if (end < 0) {
      at += 1;
      continue;
    }
    skippedBlock.lastIndex = at;
    const isBlock = skippedBlock.test(source);
    if (kind !== '{#' && !isBlock) yield { piece: source.slice(at, end + 2), index: at };
    const blockEnd = isBlock ? afterBlock(end + 2) : -1;
    at = (blockEnd < 0 ? end : blockEnd) + 2;
  }
}
