import { settingFault } from './errors.ts';
import { readNetwork, requirePrivateWidth } from './networks.ts';
import { isReservedScheme } from './schemes.ts';
import type { Read } from './setting.ts';

/** Passwords may have blanks at either end. */
export const anyText: Read<string> = (value) => value;

export const text: Read<string> = (value) => {
  if (value.trim() !== value) throw settingFault('setting_padded');
  return value;
};

export function wholeNumber(from: number, to: number): Read<number> {
  return (value) => {
    const number = Number(value);
    if (!Number.isInteger(number) || String(number) !== value || number < from || number > to)
      throw settingFault('setting_not_whole_number', { from, to });
    return number;
  };
}

export function oneOf<const T extends string>(...words: T[]): Read<T> {
  return (value) => {
    if (!(words as string[]).includes(value)) throw settingFault('setting_not_a_choice', { choices: words });
    return value as T;
  };
}

export const yesNo: Read<boolean> = (value) => oneOf('true', 'false')(value) === 'true';

export const origin: Read<string> = (value) => {
  const url = URL.parse(value);
  const isWeb = url !== null && /^https?:$/.test(url.protocol);
  if (!isWeb || url.origin !== value) throw settingFault('setting_not_origin', { normal: isWeb ? url.origin : null });
  return value;
};

/** An address, a network of limited width, or a named range. */
export const proxy: Read<string> = (value) => {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(value)) return value;
  const network = readNetwork(value);
  if (network === null) throw settingFault('setting_not_network');
  requirePrivateWidth(network);
  return value;
};

/** A target of the guarded fetch beyond public addresses: host and port as in a URL, or a network. */
export const target: Read<string> = (value) => {
  const isNetwork = value.includes('/') && readNetwork(value) !== null;
  const url = URL.parse(`http://${value}`);
  const isHost = /^[\w.-]+:\d{1,5}$|^\[[\da-f:.]+\]:\d{1,5}$/i.test(value) && url !== null && !value.endsWith(':0');
  if (!isNetwork && !isHost) throw settingFault('setting_not_target');
  return value;
};

/** A host as in a URL, with a non-default port; `*` for every host. */
export const documentHost: Read<string> = (value) => {
  if (value !== '*' && URL.parse(`https://${value}/`)?.host !== value) throw settingFault('setting_not_host');
  return value;
};

/** The URI scheme of a native app (RFC 3986 §3.1), in lower case. */
export const appScheme: Read<string> = (value) => {
  if (!/^[a-z][a-z0-9+.-]{0,63}$/.test(value) || isReservedScheme(value)) throw settingFault('setting_not_scheme');
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
    throw settingFault('setting_not_https');
  // Different readers interpret percent-encoding and empty segments differently.
  const path = url.pathname.replace(/\/+$/, '');
  if (!/^(?:\/[\w.~-]+)*$/.test(path)) throw settingFault('setting_path_invalid');
  const normal = `${url.protocol}//${url.host.replace(/\.(?=:|$)/, '')}${path}`;
  if (normal !== value) throw settingFault('setting_not_normal', { normal });
  return value;
};

export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '127.0.0.1' || host === '[::1]' || host === '::1';
}
