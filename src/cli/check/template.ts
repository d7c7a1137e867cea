import { appUse, permissionUse, type Use } from './use.ts';

/** What Django's templates (and Jinja's) hold beside text: comments, tags and expressions. */
const pieces =
  /\{#[\s\S]*?#\}|\{%-?\s*(?:comment|verbatim|raw)\b[\s\S]*?%\}[\s\S]*?\{%-?\s*end(?:comment|verbatim|raw)\b[\s\S]*?%\}|\{%[\s\S]*?%\}|\{\{[\s\S]*?\}\}/g;

/** A text that is asked for in `perms`, another text, or a look-up in it. */
const words = /(?:"([^"]*)"|'([^']*)')(\s+(?:not\s+)?in\s+perms\b(?!\s*\.))?|(?<![\w.$])perms\.(\w+)(?:\.(\w+))?/g;

/** Every permission that a template asks for. */
export function usesInTemplate(source: string): Use[] {
  const uses: Use[] = [];
  let line = 1;
  let counted = 0;
  for (const { 0: piece, index } of source.matchAll(pieces)) {
    if (/^\{(?:#|%-?\s*(?:comment|verbatim|raw)\b)/.test(piece)) continue;
    for (const match of piece.matchAll(words)) {
      const place = index + match.index;
      for (let i = source.indexOf('\n', counted); i >= 0 && i < place; i = source.indexOf('\n', i + 1)) {
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
