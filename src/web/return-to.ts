import { basePath, stripBasePath } from '../platform/http/index.ts';

/** Segments of plain characters, none of them empty or dots, and a query: nothing that two parsers may read differently. */
const ownPath = /^(?:\/(?!\.{1,2}(?:[/?]|$))[\w.~-]+)+(?:\?[\w.~%&=+,:-]*)?$/;

/**
 * Returns where to go after a sign-in: a path of Signet, else the home page. The path is relative to the issuer, whose
 * own path may come first, as in the address bar.
 */
export function safeReturnTo(text: string | undefined, issuer: string): string {
  if (text === undefined || text.length > 2048 || !ownPath.test(text)) return '/';
  return stripBasePath(basePath(issuer))({ url: text });
}

/** Returns the secret of the interaction that a path leads to. */
export function interactionFrom(returnTo: string): string | null {
  return /^\/interaction\/([\w-]{43})$/.exec(returnTo)?.[1] ?? null;
}
