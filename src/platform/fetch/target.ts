import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** What an operator lets through: `host:port` as URLs say it, and networks. */
export interface Allowed {
  readonly hosts: ReadonlySet<string>;
  readonly networks: readonly Network[];
}

/** Reads what SIGNET_FETCH_ALLOW holds, which the setting's reader has looked at. */
export function parseAllowed(entries: readonly string[]): Allowed {
  const networks = entries.filter((one) => one.includes('/')).map((one) => ipaddr.parseCIDR(one));
  return { hosts: new Set(entries.filter((one) => !one.includes('/')).map(entryHost)), networks };
}

/** The one spelling of a `host:port`: a URL's own. */
function entryHost(entry: string): string {
  const port = entry.slice(entry.lastIndexOf(':') + 1);
  return `${new URL(`http://${entry}`).hostname}:${Number(port)}`;
}

/** Whether a URL's host is named as it stands. */
export function isHostAllowed(allowed: Allowed, hostname: string, port: number): boolean {
  return allowed.hosts.has(`${hostname}:${port}`);
}

export type Verdict =
  /** Everybody's: reached by https. */
  | 'public'
  /** Reached because an operator said so, by http too. */
  | 'allowed'
  | 'refused';

/** What an address is to Signet. `isNamed`: its host stands on the operator's list. */
export function judge(allowed: Allowed, text: string, isNamed: boolean): Verdict {
  if (!ipaddr.isValid(text)) return 'refused';
  // Mapped: another spelling of an IPv4 address, and nothing else (RFC 4291 §2.5.5.2).
  const address = ipaddr.process(text);
  if ([address, ...within(address)].some((one) => isIn(metadata, one))) return 'refused';
  if (isNamed || isIn(allowed.networks, address)) return 'allowed';
  return isPublic(address) ? 'public' : 'refused';
}

/**
 * Where clouds tell a machine its own secrets: AWS, GCP, Azure and others at 169.254.169.254, containers of AWS, Alibaba, Azure's
 * wire server, Oracle's old one, OpenStack and Scaleway. No list opens them.
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

/** RFC 4291 §2.4: what is given out to everybody. Loopback, unique-local, link-local, multicast and forms of IPv4 stand beside it. */
const global = ipaddr.parseCIDR('2000::/3');

/** RFC 6052 §2.1: where a network is IPv6 alone, every IPv4 host is reached so. */
const translated = ipaddr.parseCIDR('64:ff9b::/96');

/** RFC 6890 by ipaddr.js, and nothing that is nobody's. */
function isPublic(address: Address): boolean {
  if (isIn([translated], address)) return within(address).every(isPublic);
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || isIn([global], address));
}

/**
 * The IPv4 addresses that an IPv6 one may be a way to: 6to4, Teredo (where the client's is hidden by its complement), and the
 * forms that end in one (RFC 4291 §2.5.5.1, RFC 2765, RFC 6052 under any prefix).
 */
function within(address: Address): ipaddr.IPv4[] {
  if (address.kind() === 'ipv4') return [];
  const bytes = address.toByteArray();
  const at = (start: number, flip = 0) => new ipaddr.IPv4(bytes.slice(start, start + 4).map((byte) => byte ^ flip));
  if (address.range() === '6to4') return [at(2)];
  if (address.range() === 'teredo') return [at(4), at(12, 0xff)];
  return isIn([global], address) ? [] : [at(12)];
}
