const LONGEST = 2048;

/** RFC 9449 §4.3: whether `htu` names this address, without query and fragment, in whatever spelling (RFC 3986 §6.2.2, §6.2.3). */
export function isSameUrl(htu: string, url: string): boolean {
  const given = htu.length > LONGEST ? null : normalized(htu);
  return given !== null && given === normalized(url);
}

/** Case of scheme and host, dot segments and the standard port are the parser's; escapes that need none, and their case, are not. */
function normalized(text: string): string | null {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return null;
  const path = url.pathname.replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : escaped.toUpperCase();
  });
  return `${url.origin}${path}`;
}
