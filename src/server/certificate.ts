import { type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { type BaseBlock, BitString, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  GeneralSubtree,
  NameConstraints,
  RelativeDistinguishedNames,
} from 'pkijs';

// X.509 by RFC 5280; Node can read certificates but not create them.

/** A certificate and its private key, in PEM. */
export interface CertificateAndKey {
  readonly certificate: string;
  readonly key: string;
}

export interface ValidityPeriod {
  readonly from: Date;
  readonly until: Date;
}

/** The loopback names and addresses. */
const HOST = 'localhost';
const ADDRESSES = [
  [127, 0, 0, 1],
  [...Array<number>(15).fill(0), 1],
];

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' };

/** Object identifiers of RFC 5280 §4.2.1 and appendix A. */
const oid = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
};

/** The bits of KeyUsage (RFC 5280 §4.2.1.3), leftmost first. */
const DIGITAL_SIGNATURE = { byte: 0b1000_0000, unusedBits: 7 };
const CERT_SIGN = { byte: 0b0000_0100, unusedBits: 2 };

/** Creates a CA that is limited to loopback names (RFC 5280 §4.2.1.10) and cannot sign other CAs: a stolen key is useful for nothing else. */
export async function createAuthority(name: string, validity: ValidityPeriod): Promise<CertificateAndKey> {
  const keys = await newKeys();
  const permittedSubtrees = [
    dnsName(HOST),
    // An address range is the address and its mask.
    ...ADDRESSES.map((address) => ipAddress([...address, ...address.map(() => 255)])),
  ].map((base) => new GeneralSubtree({ base }));
  const certificate = await newCertificate(name, keys.publicKey, validity);
  certificate.issuer = distinguishedName(name);
  certificate.extensions?.push(
    extension(oid.basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema()),
    extension(oid.keyUsage, true, keyUsage(CERT_SIGN)),
    extension(oid.nameConstraints, true, new NameConstraints({ permittedSubtrees }).toSchema()),
  );
  await certificate.sign(keys.privateKey, 'SHA-256');
  return encode(certificate, keys.privateKey);
}

/** Issues a certificate for 127.0.0.1, ::1 and these names, signed by the CA. */
export async function issueLoopbackCertificate(
  authority: { certificate: string; key: KeyObject },
  validity: ValidityPeriod,
  hosts: readonly string[] = [HOST],
): Promise<CertificateAndKey> {
  const keys = await newKeys();
  const ca = Certificate.fromBER(Buffer.from(authority.certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
  const names = [...hosts.map(dnsName), ...ADDRESSES.map(ipAddress)];
  const keyIdentifier = new OctetString({ valueHex: await ca.getKeyHash('SHA-1') });
  const certificate = await newCertificate(HOST, keys.publicKey, validity);
  certificate.issuer = ca.subject;
  certificate.extensions?.push(
    extension(oid.basicConstraints, true, new BasicConstraints({ cA: false }).toSchema()),
    extension(oid.keyUsage, true, keyUsage(DIGITAL_SIGNATURE)),
    extension(oid.extKeyUsage, false, new ExtKeyUsage({ keyPurposes: [oid.serverAuth] }).toSchema()),
    extension(oid.subjectAltName, false, new GeneralNames({ names }).toSchema()),
    extension(oid.authorityKeyIdentifier, false, new AuthorityKeyIdentifier({ keyIdentifier }).toSchema()),
  );
  await certificate.sign(authority.key.toCryptoKey(ECDSA, false, ['sign']), 'SHA-256');
  return encode(certificate, keys.privateKey);
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

async function newCertificate(
  subject: string,
  publicKey: webcrypto.CryptoKey,
  validity: ValidityPeriod,
): Promise<Certificate> {
  const certificate = new Certificate();
  certificate.version = 2;
  // Positive, with more than 64 random bits: RFC 5280 §4.1.2.2.
  certificate.serialNumber = new Integer({ valueHex: Buffer.concat([Buffer.of(1), randomBytes(15)]) });
  certificate.subject = distinguishedName(subject);
  certificate.notBefore.value = validity.from;
  certificate.notAfter.value = validity.until;
  await certificate.subjectPublicKeyInfo.importKey(publicKey);
  const keyHash = new OctetString({ valueHex: await certificate.getKeyHash('SHA-1') });
  certificate.extensions = [extension(oid.subjectKeyIdentifier, false, keyHash)];
  return certificate;
}

function distinguishedName(commonName: string): RelativeDistinguishedNames {
  const value = new Utf8String({ value: commonName });
  return new RelativeDistinguishedNames({
    typesAndValues: [new AttributeTypeAndValue({ type: oid.commonName, value })],
  });
}

/** GeneralName (RFC 5280 §4.2.1.6): 2 is a DNS name, 7 an address. */
const dnsName = (value: string) => new GeneralName({ type: 2, value });
const ipAddress = (bytes: readonly number[]) =>
  new GeneralName({ type: 7, value: new OctetString({ valueHex: Buffer.from(bytes) }) });

function keyUsage({ byte, unusedBits }: { byte: number; unusedBits: number }): BitString {
  return new BitString({ valueHex: Buffer.of(byte), unusedBits });
}

function extension(extnID: string, critical: boolean, value: BaseBlock): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER(), parsedValue: value });
}

async function encode(certificate: Certificate, privateKey: webcrypto.CryptoKey): Promise<CertificateAndKey> {
  const key = await webcrypto.subtle.exportKey('pkcs8', privateKey);
  return { certificate: pem('CERTIFICATE', certificate.toSchema(true).toBER()), key: pem('PRIVATE KEY', key) };
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
