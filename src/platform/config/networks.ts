import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { settingFault } from './errors.ts';

/** A network such as `10.0.0.0/8`, or a single address. */
interface Network {
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  /** Null for a single address. */
  readonly bits: number | null;
}

/** IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2). */
const [mapped, mappedBits] = ipaddr.IPv6.parseCIDR('::ffff:0:0/96');

/**
 * Parses an address or network; returns null for anything else. IPv4 has one spelling here: another would be compared to nothing, or cover
 * more than it seems to.
 */
export function readNetwork(value: string): Network | null {
  const [, addressText = '', width] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  const version = isIP(addressText);
  if (version === 0) return null;
  const address = ipaddr.parse(addressText.replace(/%.*$/, ''));
  const bits = width === undefined ? null : Number(width);
  if ((bits ?? 0) > (version === 4 ? 32 : 128)) return null;
  if (address instanceof ipaddr.IPv6 && address.match(mapped, mappedBits) && (bits ?? 128) >= mappedBits) {
    const plain = bits === null ? address.toIPv4Address() : networkText(address.toIPv4Address(), bits - mappedBits);
    throw settingFault('setting_network_mapped', { normal: String(plain) });
  }
  return { address, bits };
}

function networkText(address: ipaddr.IPv4, bits: number): string {
  return `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)}/${bits}`;
}

/** The widest networks that one operator can own: 10.0.0.0/8, fc00::/7. */
const WIDEST = { ipv4: 8, ipv6: 7 };

/** Throws for a network so wide that it covers the public internet: a trusted proxy states where requests come from. */
export function requirePrivateWidth({ address, bits }: Network): void {
  if (bits === null) return;
  if (bits < WIDEST[address.kind()]) throw settingFault('setting_network_too_wide', WIDEST);
  if (address instanceof ipaddr.IPv6 && mapped.match(address, bits)) throw settingFault('setting_network_has_all_ipv4');
}
