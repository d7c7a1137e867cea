import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { InvalidSetting } from './setting.ts';

/** A network such as `10.0.0.0/8`, or an address alone. */
interface Network {
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  /** Null for an address alone. */
  readonly bits: number | null;
}

/** IPv4 addresses as IPv6 writes them (RFC 4291 §2.5.5.2). */
const [mapped, mappedBits] = ipaddr.IPv6.parseCIDR('::ffff:0:0/96');

/** Null for what is neither. IPv4 has one spelling here: in another it would be compared to nothing, or hold more than it seems to. */
export function readNetwork(value: string): Network | null {
  const [, text = '', width] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  const version = isIP(text);
  if (version === 0) return null;
  const address = ipaddr.parse(text.replace(/%.*$/, ''));
  const bits = width === undefined ? null : Number(width);
  if ((bits ?? 0) > (version === 4 ? 32 : 128)) return null;
  if (address instanceof ipaddr.IPv6 && address.match(mapped, mappedBits) && (bits ?? 128) >= mappedBits) {
    const plain = bits === null ? address.toIPv4Address() : networkText(address.toIPv4Address(), bits - mappedBits);
    throw new InvalidSetting(`takes IPv4 as IPv4: ${plain}`);
  }
  return { address, bits };
}

function networkText(address: ipaddr.IPv4, bits: number): string {
  return `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)}/${bits}`;
}

/** The widest networks that are of one operator: 10.0.0.0/8, fc00::/7. */
const WIDEST = { ipv4: 8, ipv6: 7 };

/** Whoever is trusted says where requests come from: nobody trusts everybody, at once or piece by piece. */
export function requireNotEverybody({ address, bits }: Network): void {
  if (bits === null) return;
  if (bits < WIDEST[address.kind()])
    throw new InvalidSetting(`takes networks of proxies alone, from /${WIDEST.ipv4} (IPv6: /${WIDEST.ipv6}) on`);
  if (address instanceof ipaddr.IPv6 && mapped.match(address, bits))
    throw new InvalidSetting('takes networks that do not hold all of IPv4');
}
