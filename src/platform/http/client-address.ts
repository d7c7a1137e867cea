import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { App } from './server.ts';

/** Longer than any address with a zone, a port, brackets and quotes. */
const MAX_NODE_LENGTH = 128;

/** RFC 7239 §6: an address with an optional port; IPv6 in brackets, or bare as many proxies write it. */
const withPort = /^(?:\[([^\]]+)\]|([\d.]+))(?::(?:\d{1,5}|_[\w.-]+))?$/;

/**
 * Returns the canonical spelling of an address from a proxy or socket: RFC 5952 without a zone, IPv4-mapped IPv6 as IPv4. Null for anything
 * else: `unknown`, obfuscated identifiers (RFC 7239 §6.3), short or octal forms.
 */
export function readAddress(node: string): string | null {
  if (node.length > MAX_NODE_LENGTH) return null;
  const bare = node.trim().replace(/^"(.*)"$/, '$1');
  const [, bracketed, dotted] = withPort.exec(bare) ?? [];
  if (dotted !== undefined) return isIPv4(dotted) ? dotted : null;
  const address = bracketed ?? bare;
  return isIPv6(address) ? ipaddr.process(address.replace(/%.*$/, '')).toString() : null;
}

const RANGES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Parses `SIGNET_TRUST_PROXY`: addresses, networks and named ranges. */
function trustedProxies(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of proxies.flatMap((one) => RANGES[one] ?? [one])) {
    const [text = '', bits] = network.split('/');
    const address = text.replace(/%.*$/, '');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family);
  }
  return (address) => list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** The address of a connection without one, which has already closed. */
const UNSPECIFIED = '0.0.0.0';

/**
 * Returns the address that a request came from. Each trusted proxy appends the address it received the request from, so the nearest is
 * last; entries before an untrusted one may be forged. An unreadable entry ends the search at the last known address.
 */
function clientAddress(
  peer: string,
  forwarded: string | undefined,
  isTrusted: ((address: string) => boolean) | null,
): string {
  if (isTrusted === null || forwarded === undefined) return peer;
  let address = peer;
  for (let end = forwarded.length; end > 0 && isTrusted(address); ) {
    const comma = forwarded.lastIndexOf(',', end - 1);
    const node = forwarded.slice(comma + 1, end);
    end = Math.max(comma, 0);
    // RFC 9110 §5.6.1.2: empty list elements are ignored.
    if (node.trim() === '') continue;
    const previous = readAddress(node);
    if (previous === null) break;
    address = previous;
  }
  return address;
}

/** Sets `request.ip` for every route to `clientAddress`, in canonical spelling. */
export function readClientAddress(app: App, proxies: readonly string[]): void {
  const isTrusted = proxies.length === 0 ? null : trustedProxies(proxies);
  // A closed socket no longer has its address.
  const peers = new WeakMap<object, string>();
  const peerAddress = (socket: { readonly remoteAddress?: string | undefined }) => {
    const peer = peers.get(socket) ?? readAddress(socket.remoteAddress ?? '') ?? UNSPECIFIED;
    peers.set(socket, peer);
    return peer;
  };
  for (const event of ['connection', 'secureConnection']) app.server.on(event, peerAddress);
  app.decorateRequest('ip', {
    getter(this: { readonly raw: IncomingMessage }) {
      const forwarded = this.raw.headers['x-forwarded-for'];
      return clientAddress(peerAddress(this.raw.socket), forwarded?.toString(), isTrusted);
    },
  });
}
