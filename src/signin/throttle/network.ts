import ipaddr from 'ipaddr.js';

/**
 * Returns the network for which an attempt counts: an IPv4 address, or the /64 of an IPv6 address (the smallest network of one subscriber),
 * or a /48 if `bits` is 48. An IPv4 address in IPv6 notation is read as IPv4.
 */
export function clientNetwork(ip: string, bits: 48 | 64 = 64): string {
  const parsed = ipaddr.isValid(ip) ? ipaddr.process(ip) : null;
  if (parsed === null) return 'unknown';
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${parsed
    .toByteArray()
    .slice(0, bits / 8)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')}/${bits}`;
}

/** Returns the network for which a share counts: an IPv4 address, or an IPv6 /48, the network of one customer with all of its /64s. */
export function clientSite(ip: string): string {
  return clientNetwork(ip, 48);
}
