import ipaddr from 'ipaddr.js';

/**
 * The network that an attempt counts for: an IPv4 address, or the /64 of an IPv6 one (the least that one subscriber is
 * given), or a wider one where `bits` says so. An IPv4 address written as IPv6 is the IPv4 address.
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

/** The network that a share is for: an IPv4 address, or an IPv6 /48, which is what one customer of a provider is given, with all of its /64s. */
export function clientSite(ip: string): string {
  return clientNetwork(ip, 48);
}
