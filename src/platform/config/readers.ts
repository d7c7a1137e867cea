import { readNetwork, requirePrivateWidth } from './networks.ts';
import { isReservedScheme } from './schemes.ts';
import { InvalidSetting, type Read } from './setting.ts';

/** Passwords may have blanks at either end. */
export const anyText: Read<string> = (value) => value;

export const text: Read<string> = (value) => {
  if (value.trim() !== value) throw new InvalidSetting('takes a text without blanks before or after it');
  return value;
};

export function wholeNumber(from: number, to: number): Read<number> {
  return (value) => {
    const number = Number(value);
    if (!Number.isInteger(number) || String(number) !== value || number < from || number > to)
      throw new InvalidSetting(`takes a whole number from ${from} to ${to}`);
    return number;
  };
}

export function oneOf<const T extends string>(...words: T[]): Read<T> {
  return (value) => {
    if (!(words as string[]).includes(value)) throw new InvalidSetting(`takes one of: ${words.join(', ')}`);
    return value as T;
  };
}

export const yesNo: Read<boolean> = (value) => oneOf('true', 'false')(value) === 'true';

export const origin: Read<string> = (value) => {
  const url = URL.parse(value);
  const isWeb = url !== null && /^https?:$/.test(url.protocol);
  if (!isWeb || url.origin !== value) {
    const normal = isWeb ? url.origin : 'https://app.example';
    throw new InvalidSetting(
      `takes origins such as ${normal}, without a path or trailing slash, as browsers write them`,
    );
  }
  return value;
};

/** An address, a network of limited width, or a named range. */
export const proxy: Read<string> = (value) => {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(value)) return value;
  const network = readNetwork(value);
  if (network === null) throw new InvalidSetting('takes addresses or networks such as 10.0.0.0/8, comma-separated');
  requirePrivateWidth(network);
  return value;
};

/** A target of the guarded fetch beyond public addresses: host and port as in a URL, or a network. */
export const target: Read<string> = (value) => {
  const isNetwork = value.includes('/') && readNetwork(value) !== null;
  const url = URL.parse(`http://${value}`);
  const isHost = /^[\w.-]+:\d{1,5}$|^\[[\da-f:.]+\]:\d{1,5}$/i.test(value) && url !== null && !value.endsWith(':0');
  if (!isNetwork && !isHost)
    throw new InvalidSetting('takes host:port or networks such as rp.internal:8443,10.0.0.0/8, comma-separated');
  return value;
};

/** A host as in a URL, with a non-default port; `*` for every host. */
export const documentHost: Read<string> = (value) => {
  if (value !== '*' && URL.parse(`https://${value}/`)?.host !== value)
    throw new InvalidSetting('takes hosts such as claude.ai,mcp.example:8443, in lower case and without a path, or *');
  return value;
};

/** The URI scheme of a native app (RFC 3986 §3.1), in lower case. */
export const appScheme: Read<string> = (value) => {
  if (!/^[a-z][a-z0-9+.-]{0,63}$/.test(value) || isReservedScheme(value))
    throw new InvalidSetting(
      'takes schemes of programs such as cursor,vscode, in lower case without the colon; none that browsers, systems or standards have a use for',
    );
  return value;
};

export const list =
  <T>(one: Read<T>): Read<T[]> =>
  (value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map(one);

/** Clients compare the issuer byte for byte, so only its normal form (WHATWG URL) is accepted. */
export const issuer: Read<string> = (value) => {
  const url = URL.parse(value);
  const isLoopback = url !== null && isLoopbackHost(url.hostname);
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)))
    throw new InvalidSetting('takes an https URL (http only for localhost, 127.0.0.1 or [::1])');
  // Different readers interpret percent-encoding and empty segments differently.
  const path = url.pathname.replace(/\/+$/, '');
  if (!/^(?:\/[\w.~-]+)*$/.test(path))
    throw new InvalidSetting('takes a URL whose path is made of letters, digits and - . _ ~, without empty parts');
  const normal = `${url.protocol}//${url.host.replace(/\.(?=:|$)/, '')}${path}`;
  if (normal !== value)
    throw new InvalidSetting(
      `takes a URL in its normal form, without query, fragment, user name or trailing slash: ${normal}`,
    );
  return value;
};

export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '127.0.0.1' || host === '[::1]' || host === '::1';
}
