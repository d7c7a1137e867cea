import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** The operator's allow list: `host:port` as in a URL, and networks. */
export interface AllowList {
  readonly hosts: ReadonlySet<string>;
  readonly networks: readonly Network[];
}

/** Parses SIGNET_FETCH_ALLOW, which the setting's reader has validated. */
export function parseAllowList(entries: readonly string[]): AllowList {
  const networks = entries.filter((one) => one.includes('/')).map((one) => ipaddr.parseCIDR(one));
  return { hosts: new Set(entries.filter((one) => !one.includes('/')).map(entryHost)), networks };
}

/** Returns a `host:port` as a URL spells it. */
function entryHost(entry: string): string {
  const port = entry.slice(entry.lastIndexOf(':') + 1);
  return `${new URL(`http://${entry}`).hostname}:${Number(port)}`;
}

/** Returns whether the list names a URL's host exactly. */
export function isHostAllowed(allowList: AllowList, hostname: string, port: number): boolean {
  return allowList.hosts.has(`${hostname}:${port}`);
}

export type AddressClass =
  /** A public address: https only. */
  | 'public'
  /** On the operator's list: http is allowed too. */
  | 'allowed'
  | 'refused';

/** Classifies an address. `isHostListed`: the operator's list names its host. */
export function classifyAddress(allowList: AllowList, text: string, isHostListed: boolean): AddressClass {
  if (!ipaddr.isValid(text)) return 'refused';
  // An IPv4-mapped address is only another spelling of the IPv4 address (RFC 4291 §2.5.5.2).
  const address = ipaddr.process(text);
  if ([address, ...embeddedIpv4(address)].some((one) => isIn(metadata, one))) return 'refused';
  if (isHostListed || isIn(allowList.networks, address)) return 'allowed';
  return isPublic(address) ? 'public' : 'refused';
}

/**
 * Metadata services, where clouds serve a machine's secrets: AWS, GCP, Azure and others at 169.254.169.254, containers of AWS, Alibaba,
 * Azure's wire server, Oracle's old one, OpenStack and Scaleway. No list opens them.
 */
const metadata: readonly Network[] = [
  '169.254.169.254/32',
  '169.254.169.253/32',
  '169.254.170.2/32',
  '169.254.170.23/32',
  '169.254.42.42/32',
  '169.254.0.23/32',
  '169.254.10.10/32',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  'fd00:42::42/128',
  'fe80::a9fe:a9fe/128',
].map((one) => ipaddr.parseCIDR(one));

function isIn(networks: readonly Network[], address: Address): boolean {
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/** RFC 4291 §2.4: global unicast as assigned today. Loopback, unique-local, link-local, multicast and embedded IPv4 lie outside it. */
const global = ipaddr.parseCIDR('2000::/3');

/** RFC 6052 §2.1: IPv6-only networks reach every IPv4 host through this prefix. */
const translated = ipaddr.parseCIDR('64:ff9b::/96');

/** RFC 6890 by ipaddr.js; unassigned ranges are not public. */
function isPublic(address: Address): boolean {
  if (isIn([translated], address)) return embeddedIpv4(address).every(isPublic);
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || isIn([global], address));
}

/**
 * The IPv4 addresses that an IPv6 address may lead to: 6to4, Teredo (which stores the client's address as its complement), and forms that
 * end in one (RFC 4291 §2.5.5.1, RFC 2765, RFC 6052 under any prefix).
 */
function embeddedIpv4(address: Address): ipaddr.IPv4[] {
  if (address.kind() === 'ipv4') return [];
  const bytes = address.toByteArray();
  const at = (start: number, flip = 0) => new ipaddr.IPv4(bytes.slice(start, start + 4).map((byte) => byte ^ flip));
  if (address.range() === '6to4') return [at(2)];
  if (address.range() === 'teredo') return [at(4), at(12, 0xff)];
  return isIn([global], address) ? [] : [at(12)];
}
