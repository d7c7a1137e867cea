import { basePath, stripBasePath } from '../platform/http/index.ts';

/** Segments of plain characters, none of them empty or dots; then a query. Nothing that two parsers may read in two ways. */
const ownPath = /^(?:\/(?!\.{1,2}(?:[/?]|$))[\w.~-]+)+(?:\?[\w.~%&=+,:-]*)?$/;

/**
 * Where to go after a login: a path of Signet itself, else the front door. An address of anybody else's is none. Below the issuer,
 * whose path may stand in front: people see it in the address line.
 */
export function safeReturnTo(text: string | undefined, issuer: string): string {
  if (text === undefined || text.length > 2048 || !ownPath.test(text)) return '/';
  return stripBasePath(basePath(issuer))({ url: text });
}

/** The interaction that a path of ours leads to. */
export function interactionFrom(next: string): string | null {
  return /^\/interaction\/([\w-]{43})$/.exec(next)?.[1] ?? null;
}
