/** Deeper than anything that Signet says. */
const MAX_DEPTH = 16;

/**
 * A JSON object, strictly: UTF-8 without a mark, no member twice at any level (JSON.parse would keep the last: RFC 8259 §4,
 * RFC 7515 §4), nothing nested deeper than 16. Undefined for anything else. Reads every character once more than JSON.parse.
 */
export function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (isTooDeep(text)) return undefined;
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return hasRepeatedMember(text) ? undefined : (value as Record<string, unknown>);
}

/** The end of the string that begins at `start`, after its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at) - 1;
    else if (char === '{' || char === '[') {
      depth++;
      if (depth > MAX_DEPTH) return true;
    } else if (char === '}' || char === ']') depth--;
  }
  return false;
}

/** `text` is JSON. A string is a member's name when the next sign after it is a colon. */
function hasRepeatedMember(text: string): boolean {
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{') open.push(new Set());
    else if (char === '[') open.push(null);
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const end = endOfString(text, at);
      let next = end;
      while (next < text.length && ' \t\n\r'.includes(text[next] as string)) next++;
      if (text[next] === ':') {
        const names = open.at(-1) as Set<string>;
        // Names are compared as they are read: "a" and "\u0061" are one.
        const name = JSON.parse(text.slice(at, end)) as string;
        if (names.has(name)) return true;
        names.add(name);
      }
      at = end - 1;
    }
  }
  return false;
}
